import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Facts } from "../facts/facts.ts";
import { newSecret, SECRET_ENV } from "../host/host-secret.ts";
import type { Plan } from "../setup/setup.ts";
import type { ChildMessage, FailureText } from "./messages.ts";

/** Milliseconds that a process may take to import an engine. */
const START_MS = 120_000;
/** A test's own patience ends before the parent's, so that it can say what hangs. In milliseconds. */
const MAX_GRACE_MS = 5_000;
/** Characters of standard error that are kept. */
const LAST_WORDS = 2_000;

/** What a test came to. */
export interface Outcome {
  readonly failure?: FailureText | undefined;
  /** How long it took, in milliseconds. */
  readonly ms: number;
}

/**
 * A child process in which tests run, one at a time. One that hangs is killed, one that crashed is replaced: the tests that
 * follow have a new one.
 */
export class TestProcess {
  readonly #plan: Plan;
  #child: ChildProcess | undefined;
  /** The end of what the child wrote to standard error, for when it dies. */
  #stderr = "";
  #last: Promise<unknown> = Promise.resolve();

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /** What the engine declares. Rejects where it cannot be imported or made. */
  facts(): Promise<Facts> {
    return this.#inTurn(() => this.#start());
  }

  /** Runs one test; in a process of its own with `fresh`. */
  run(id: string, options: { fresh?: boolean; patience?: number } = {}): Promise<Outcome> {
    return this.#inTurn(async () => {
      if (options.fresh === true) await this.close();
      if (this.#child === undefined) await this.#start();
      const start = performance.now();
      const patienceMs = this.#plan.patienceMs * (options.patience ?? 1);
      const failure = await this.#ask(this.#child!, id, patienceMs + Math.min(patienceMs, MAX_GRACE_MS));
      const ms = performance.now() - start;
      // What a broken engine left behind must not fail the tests that follow.
      if (options.fresh === true || failure !== undefined) await this.close();
      return { failure, ms };
    });
  }

  /** Ends the child process. A later test starts another. */
  async close(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child !== undefined) await end(child);
  }

  #inTurn<Value>(action: () => Promise<Value>): Promise<Value> {
    const next = this.#last.then(action);
    this.#last = next.catch(() => {});
    return next;
  }

  async #start(): Promise<Facts> {
    const secret = newSecret();
    const cwd = mkdtempSync(join(tmpdir(), `extruntime-${secret}-`));
    const child = fork(fileURLToPath(new URL("./child.js", import.meta.url)), [JSON.stringify(this.#plan), secret], {
      cwd,
      env: { ...process.env, [SECRET_ENV]: secret },
      execArgv: ["--expose-gc", "--no-warnings"],
      // The last one ends with this process, whatever ends it. What is printed by other ways than the logger is not ours to show.
      stdio: ["ignore", "ignore", "pipe", "ipc", "pipe"],
      serialization: "json",
    });
    child.once("exit", () => rmSync(cwd, { recursive: true, force: true }));
    this.#child = child;
    this.#stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-LAST_WORDS);
    });
    const message = await this.#answer(child, START_MS);
    rest(child);
    if (message !== undefined && "ready" in message) return message.ready;
    await this.close();
    if (message !== undefined && "broken" in message)
      throw new Error(`the engine cannot be tested: ${message.broken.message}`, { cause: message.broken.stack });
    throw new Error(
      `the engine cannot be tested: its process ${howItEnded(child, START_MS)} before any test${this.#lastWords()}`,
    );
  }

  async #ask(child: ChildProcess, id: string, patienceMs: number): Promise<FailureText | undefined> {
    child.ref();
    child.channel?.ref();
    child.send({ run: id });
    const message = await this.#answer(child, patienceMs);
    rest(child);
    if (message !== undefined && "done" in message) return message.failure;
    const how = howItEnded(child, patienceMs);
    await this.close();
    return { message: `the process in which the test ran ${how}${this.#lastWords()}`, stack: "" };
  }

  #lastWords(): string {
    const text = this.#stderr.trim();
    return text === "" ? "" : `; the end of its standard error:\n${text}`;
  }

  /** The next message, or `undefined` when the process ends or the time is up. */
  #answer(child: ChildProcess, patienceMs: number): Promise<ChildMessage | undefined> {
    return new Promise((resolve) => {
      const settle = (message?: ChildMessage) => {
        clearTimeout(timer);
        child.off("message", settle).off("exit", ended).off("error", ended);
        resolve(message);
      };
      const ended = () => settle();
      const timer = setTimeout(ended, patienceMs);
      child.on("message", settle).on("exit", ended).on("error", ended);
    });
  }
}

/** An idle child does not keep the process alive that runs the tests. */
function rest(child: ChildProcess): void {
  child.unref();
  child.channel?.unref();
  for (const pipe of [child.stderr, child.stdio[4]]) (pipe as { unref?(): void } | null | undefined)?.unref?.();
}

function howItEnded(child: ChildProcess, patienceMs: number): string {
  if (child.signalCode !== null) return `was ended by ${child.signalCode}`;
  if (child.exitCode !== null) return `exited with code ${child.exitCode}`;
  return `did not answer within ${patienceMs} ms, and was killed`;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.ref();
  child.kill("SIGKILL");
  await gone;
}

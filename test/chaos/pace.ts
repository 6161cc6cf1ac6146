import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Milliseconds between looks at the machine. */
const LOOK_MS = 250;

/**
 * Time as workers of this machine have it: a process of their priority does a piece of work again and again, and says how
 * much longer than the processor's time it took. On a machine that is ten times too busy a second counts a tenth.
 */
export class Pace {
  readonly #reference: ChildProcess;
  readonly #clock: NodeJS.Timeout;
  #slowdown = 1;
  #slowest = 1;
  #fairMs = 0;
  #looked = performance.now();

  constructor() {
    this.#reference = fork(fileURLToPath(new URL("pace-child.mjs", import.meta.url)), { execArgv: [] });
    this.#reference.on("message", (slowdown) => {
      this.#slowdown = Math.max(1, Number(slowdown));
      this.#slowest = Math.max(this.#slowest, this.#slowdown);
    });
    this.#reference.unref();
    this.#reference.channel?.unref();
    // What this thread does itself keeps the clock back, too: a turn that takes long counts as one look.
    this.#clock = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  get pid(): number | undefined {
    return this.#reference.pid;
  }

  /** Milliseconds that a machine at rest would have had since the start. */
  get fairMs(): number {
    return this.#fairMs;
  }

  /** How many times slower than at rest the machine was at its worst. */
  get slowest(): number {
    return this.#slowest;
  }

  stop(): void {
    clearInterval(this.#clock);
    this.#reference.kill("SIGKILL");
  }

  #look(): void {
    const now = performance.now();
    this.#fairMs += Math.min(now - this.#looked, LOOK_MS * 2) / this.#slowdown;
    this.#looked = now;
  }
}

import assert from "node:assert/strict";
import type { HostFunctionContext, LoadOptions, Module, Runtime } from "extruntime";
import { parsed, sameJson, show } from "../expect/expect.ts";
import type { Subject } from "../facts/facts.ts";
import { HOST_FUNCTION } from "../sources/kit-guest.ts";
import type { Bench } from "./bench.ts";

export interface CallerOptions extends LoadOptions {
  /** `call-host` where it is left out. */
  readonly guest?: string;
  readonly runtime?: Runtime;
}

/** A guest that calls {@link HOST_FUNCTION}, which is `fn`. */
export function loadCaller<Value = unknown>(
  bench: Bench,
  fn: (value: Value, context: HostFunctionContext) => unknown,
  { guest = "call-host", runtime, ...options }: CallerOptions = {},
): Promise<Module> {
  const hostFunctions = { [HOST_FUNCTION]: fn };
  return bench.loadWith(guest, { permissions: [HOST_FUNCTION] }, { hostFunctions, ...options }, runtime);
}

/**
 * Whether guests must be able to wait for a host function that answers later. A guest that runs on the host's own thread and returns at once or not at
 * all cannot; it is the language that decides, or the setup for one that the kit does not know, and never the engine.
 */
export function mustWait({ traits, placement }: Subject): boolean {
  return traits.awaits || placement !== "inline";
}

/** Calls the guest with what has its host function answer later. Where it need not be able to wait, an error in the guest that names the function will do. */
export async function expectWait(bench: Bench, module: Module, payload: string, expected: unknown): Promise<void> {
  const text = await bench.answered(module.invoke("caught", payload), "a guest that waits for its host function");
  const answer = parsed(text, "the answer");
  if (sameJson(answer, expected)) return;
  const expectation = `the answer must be ${show(expected)}, and is ${show(answer)}`;
  assert.ok(!mustWait(bench.subject) && Array.isArray(answer), expectation);
  assert.ok(String(answer[1]).includes(HOST_FUNCTION), `${expectation}; an error in its place must name the function`);
}

/**
 * The guest was refused its host function.
 *
 * @param caught what the guest caught, as JSON text.
 */
export function expectNotGranted(caught: string): void {
  const error: unknown = JSON.parse(caught);
  assert.ok(Array.isArray(error), `the guest must catch a PermissionError, and got ${show(error)}`);
  assert.equal(error[0], "PermissionError", `the guest caught ${show(error)}`);
  assert.ok(String(error[1]).includes(HOST_FUNCTION), `the message must name it, and is ${show(error[1])}`);
}

/** A host function that keeps its callers waiting until it is told to answer. */
export class Keeper {
  #waiting: ((value: unknown) => void)[] = [];
  #asked: (() => void) | undefined;
  keeps = true;
  calls = 0;

  readonly fn = (value: unknown) => {
    this.calls++;
    if (!this.keeps) return value;
    this.#asked?.();
    return new Promise((resolve) => this.#waiting.push(resolve));
  };

  /** Resolves when the host function is called. */
  asked(): Promise<void> {
    return new Promise((resolve) => {
      this.#asked = resolve;
    });
  }

  /** Answers all who were kept waiting, long after nobody listens any more. */
  answerLate(): void {
    for (const resolve of this.#waiting.splice(0)) resolve("late");
  }
}

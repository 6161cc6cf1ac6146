import assert from "node:assert/strict";
import type { Module, Runtime } from "extruntime";
import { expectJson } from "../expect/expect.ts";
import type { Bench } from "./bench.ts";
import { Keeper, loadCaller, mustWait } from "./host-caller.ts";

/** Calls of the one that counts, each time. */
const COUNTED = 5;

/** Modules that have no part in what befalls another: one counts, and one waits for its host function where it can. Their answers and their state show what it cost them. */
export class Neighbours {
  readonly #bench: Bench;
  readonly #counter: Module;
  readonly #keeper: Keeper;
  readonly #waiting: Module | undefined;
  #count = 0;

  private constructor(bench: Bench, counter: Module, keeper: Keeper, waiting: Module | undefined) {
    this.#bench = bench;
    this.#counter = counter;
    this.#keeper = keeper;
    this.#waiting = waiting;
  }

  static async make(bench: Bench, runtime: Runtime): Promise<Neighbours> {
    const limits = { maxInstances: 1 };
    const keeper = new Keeper();
    const counter = await bench.load("counter", { limits }, runtime);
    const waits = bench.subject.capabilities.hostFunctions && mustWait(bench.subject);
    const waiting = waits ? await loadCaller(bench, keeper.fn, { limits, runtime }) : undefined;
    return new Neighbours(bench, counter, keeper, waiting);
  }

  /** Has calls of theirs run and wait while it happens. */
  async beside(event: () => Promise<unknown>): Promise<void> {
    const asked = this.#keeper.asked();
    const call = this.#waiting && seen(this.#waiting.invoke("call", "1"));
    if (call !== undefined) await this.#bench.answered(asked, "the call of the host function");
    const counted = Array.from({ length: COUNTED }, () => seen(this.#counter.call<number>("next")));
    await event();
    this.#keeper.answerLate();
    const answers = await this.#bench.answered(Promise.all(counted), "calls of another module");
    const expected = Array.from({ length: COUNTED }, () => ++this.#count);
    assert.deepEqual(answers, expected, "another module has lost its state");
    if (call !== undefined) expectJson(await this.#bench.answered(call, "a call that waits"), "late", "its answer");
  }
}

/** One that fails before it is awaited is no unhandled rejection. */
function seen<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {});
  return promise;
}

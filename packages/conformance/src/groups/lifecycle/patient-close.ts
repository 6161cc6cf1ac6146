import assert from "node:assert/strict";
import type { Module, Runtime } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { loadCaller, mustWait } from "../../bench/host-caller.ts";
import { expectCode, refusal } from "../../expect/expect.ts";
import type { Test } from "../test.ts";

/** Calls of each module that run or wait when it is closed. */
const CALLS = 20;
/** Besides these, calls that are held back until the test lets them end, one after the other. */
const HELD = 2;

interface Way {
  readonly name: string;
  readonly closes: "the module" | "the runtime";
  readonly close: (module: Module, runtime: Runtime) => PromiseLike<unknown>;
}

/** Every way to close that does not ask for an abort. */
const WAYS: readonly Way[] = [
  { name: "close()", closes: "the module", close: (module) => module.close() },
  { name: "close({})", closes: "the module", close: (module) => module.close({}) },
  { name: "close({ abort: false })", closes: "the module", close: (module) => module.close({ abort: false }) },
  { name: "disposal", closes: "the module", close: (module) => module[Symbol.asyncDispose]() },
  { name: "close() of the runtime", closes: "the runtime", close: (_, runtime) => runtime.close() },
  {
    name: "close({ abort: false }) of the runtime",
    closes: "the runtime",
    close: (_, runtime) => runtime.close({ abort: false }),
  },
  { name: "disposal of the runtime", closes: "the runtime", close: (_, runtime) => runtime[Symbol.asyncDispose]() },
];

/** Closing waits: nothing is aborted that nobody asked to abort, and it is not done before the calls are. */
export const patientClose: Test = {
  name: "close lets the calls that were accepted end, and is done after them and not before",
  patience: 2,
  async run(bench) {
    const ofModules = async () => {
      const runtime = await bench.runtime();
      for (const way of WAYS) if (way.closes === "the module") await letsEnd(bench, way, runtime);
      await abortsOnlyItsOwn(bench, runtime);
    };
    const ofRuntimes = WAYS.filter((way) => way.closes === "the runtime");
    // At a time, since starting the workers of a runtime takes longer than all the rest.
    await Promise.all([ofModules(), ...ofRuntimes.map(async (way) => letsEnd(bench, way, await bench.runtime()))]);
  },
};

/** Calls that end when the test says so, where a guest can wait for a host function; and some that end by themselves. */
class Busy {
  readonly module: Module;
  readonly #calls: readonly { promise: Promise<unknown>; expected: unknown }[];
  /** What lets each of those that are held back end. They are the first calls. */
  readonly #releases: readonly (() => void)[];
  unsettled: number;

  private constructor(module: Module, calls: Busy["calls"], releases: readonly (() => void)[]) {
    this.module = module;
    this.#calls = calls;
    this.#releases = releases;
    this.unsettled = calls.length;
    const settled = () => {
      this.unsettled--;
    };
    for (const { promise } of calls) promise.then(settled, settled);
  }

  static async make(bench: Bench, runtime: Runtime): Promise<Busy> {
    const { awaits } = bench.subject.traits;
    const limits = { maxInstances: awaits ? HELD + 1 : 2 };
    if (!bench.subject.capabilities.hostFunctions || !mustWait(bench.subject)) {
      const module = await bench.load(awaits ? "async" : "echo", { limits }, runtime);
      return new Busy(module, Busy.#quick(module, awaits ? "later" : "echo"), []);
    }
    // A guest that blocks its thread while it waits may hold one that other calls want.
    const held = Array.from({ length: awaits ? HELD : 1 }, () => {
      let release!: () => void;
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      return { release, released };
    });
    const module = await loadCaller<{ waits: boolean; i: number }>(
      bench,
      async (value) => {
        if (value.waits) await held[value.i]!.released;
        return value;
      },
      { runtime, limits },
    );
    const waiting = held.map((_, i) => {
      const value = { waits: true, i };
      return { promise: module.call("call", value), expected: value };
    });
    const releases = held.map(({ release }) => release);
    return new Busy(module, [...waiting, ...Busy.#quick(module, "call")], releases);
  }

  static #quick(module: Module, fn: string): { promise: Promise<unknown>; expected: unknown }[] {
    return Array.from({ length: CALLS }, (_, i) => {
      const value = { waits: false, i };
      return { promise: module.call(fn, value), expected: value };
    });
  }

  get calls(): readonly { promise: Promise<unknown>; expected: unknown }[] {
    return this.#calls;
  }

  /** Whether calls are held back until {@link end}. */
  get holds(): boolean {
    return this.#releases.length > 0;
  }

  /** All but the last of the calls that are held back. */
  get releases(): readonly (() => void)[] {
    return this.#releases.slice(0, -1);
  }

  /** All but those that have to be released. */
  get quick(): readonly Promise<unknown>[] {
    return this.#calls.slice(this.#releases.length).map(({ promise }) => promise);
  }

  /** Lets the last call end, and looks at what all of them came to. */
  async end(bench: Bench, way: string): Promise<void> {
    for (const release of this.#releases) release();
    const all = Promise.allSettled(this.#calls.map(({ promise }) => promise));
    const outcomes = await bench.answered(all, `calls before ${way}`, 0.2);
    outcomes.forEach((outcome, i) => {
      if (outcome.status === "rejected") assert.fail(`${way} cost a call its answer: ${String(outcome.reason)}`);
      assert.deepEqual(outcome.value, this.#calls[i]!.expected, `the answer of a call before ${way}`);
    });
  }
}

async function letsEnd(bench: Bench, { name, closes, close }: Way, runtime: Runtime): Promise<void> {
  const [first, second] = [await Busy.make(bench, runtime), await Busy.make(bench, runtime)];
  const closed = close(first.module, runtime);
  let done = false;
  void Promise.resolve(closed).then(
    () => {
      done = true;
    },
    () => {},
  );
  const own = closes === "the module" ? [first] : [first, second];
  const fn = first.module.exports[0]!;
  for (const { module } of own) await refusal(() => module.invoke(fn, "1"), "ERR_EXT_CLOSED", `a call after ${name}`);
  if (first.holds) {
    // All but the calls that are held back are answered meanwhile; and then these, but for the last of each module.
    const unanswered = `${name} is done, and calls that were accepted have no answer yet`;
    await bench.answered(Promise.allSettled(own.flatMap(({ quick }) => quick)), `calls before ${name}`, 0.2);
    await turns();
    assert.equal(done, false, unanswered);
    for (const { calls, releases } of own)
      for (const [i, release] of releases.entries()) {
        release();
        await bench.answered(Promise.allSettled([calls[i]!.promise]), `a call before ${name}`, 0.2);
        await turns();
        assert.equal(done, false, unanswered);
      }
  }
  let doneAgain = false;
  const again = Promise.resolve(close(first.module, runtime)).then(async () => {
    doneAgain = true;
    await turns();
    return first.unsettled;
  });
  if (first.holds) {
    await turns();
    assert.equal(doneAgain, false, `${name} a second time is done, and calls that were accepted have no answer yet`);
  }
  for (const each of own) await each.end(bench, name);
  await bench.answered(Promise.resolve(closed), name, 0.2);
  assert.equal(
    await bench.answered(again, `${name} a second time`, 0.2),
    0,
    `${name} a second time is done before the calls are`,
  );
  for (const { module } of own) {
    const { running, queued, instances } = module.stats();
    assert.deepEqual([running, queued, instances], [0, 0, 0], `running, queued and instances after ${name}`);
  }
  // Closing a module is nothing to another: its calls go on, and it takes new ones.
  if (closes === "the module") {
    assert.equal(second.module.closed, false, `${name} closes another module`);
    await second.end(bench, `${name} of another module`);
    const value = { waits: false, i: CALLS };
    assert.deepEqual(await bench.answered(second.module.call(fn, value), "a call of another module", 0.2), value);
  }
}

/** An abort is for the module that is closed. */
async function abortsOnlyItsOwn(bench: Bench, runtime: Runtime): Promise<void> {
  const [aborted, other] = [await Busy.make(bench, runtime), await Busy.make(bench, runtime)];
  await bench.answered(aborted.module.close({ abort: true }), "close({ abort: true })", 0.2);
  const outcomes = Promise.allSettled(aborted.calls.map(({ promise }) => promise));
  for (const outcome of await bench.answered(outcomes, "calls that close({ abort: true }) aborted", 0.2))
    if (outcome.status === "rejected")
      expectCode(outcome.reason, "ERR_EXT_CLOSED", "a call that close({ abort: true }) aborted");
  await other.end(bench, "close({ abort: true }) of another module");
}

/** A few turns of the event loop, in which what is done too early is done. */
async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

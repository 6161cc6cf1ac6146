import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import type { Module } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { Neighbours } from "../../bench/neighbours.ts";
import { expectCode, failure, refusal, show } from "../../expect/expect.ts";
import { expectIdle, untilComputing } from "../../expect/processor-time.ts";
import type { Subject } from "../../facts/facts.ts";
import { loopsOf } from "../../sources/guests.ts";
import type { Group, Test } from "../test.ts";
import { queuedSignals } from "./abort-queue.ts";

/** Milliseconds until a signal with a timeout of its own fires. */
const TIMEOUT_MS = 30;
/** Milliseconds of processor time after which a guest is under way. */
const COMPUTING_MS = 30;

export function signalGroup(subject: Subject): Group {
  const tests = subject.capabilities.signal === false ? [refusedSignal] : signals(subject);
  return { name: "abort signals", promise: "signal", tests };
}

const refusedSignal: Test = {
  name: "a signal is refused with ERR_EXT_UNSUPPORTED and the remedy, and the guest does not run",
  async run(bench) {
    const module = await bench.load("counter", { limits: { maxInstances: 1 } });
    const { signal } = new AbortController();
    const error = await refusal(() => module.invoke("next", "null", { signal }), "ERR_EXT_UNSUPPORTED", "a signal");
    assert.match(error.message, /signal/i);
    assert.equal(await module.call("next"), 1, "the guest ran");
  },
};

function signals(subject: Subject): Test[] {
  const { capabilities, guests } = subject;
  // Beside the signal, so that a test of one that is not heard ends.
  const atTheLatest = capabilities.deadline === false ? {} : { timeoutMs: 60_000 };
  return [
    {
      name: "a signal fired before the call rejects it with its reason, and the guest does not run",
      async run(bench) {
        const module = await bench.load("counter", { limits: { maxInstances: 1 } });
        const reason = { why: "not needed any more" };
        assert.equal(
          await failure(() => module.invoke("next", "null", { signal: AbortSignal.abort(reason) }), "the call"),
          reason,
        );
        assert.equal(await module.call("next"), 1, "the guest ran");
      },
    },
    {
      name: "a signal fired during the call rejects it with its reason, and the module works on",
      async run(bench) {
        const module = await bench.load("loop", { limits: { maxInstances: 1 } });
        for (let i = 0; i < 5; i++) {
          const controller = new AbortController();
          const reason = new Error("the user went away");
          const options = { signal: controller.signal, ...atTheLatest };
          const call: Promise<unknown> =
            i % 2 === 0 ? module.invoke("forever", "1", options) : module.call("forever", 1, options);
          controller.abort(reason);
          const error = await failure(() => bench.answered(call, "a call that was aborted", 0.4), "the call");
          assert.equal(error, reason, `it must reject with the signal's reason, and rejected with ${show(error)}`);
        }
        const echo = await bench.load("echo");
        assert.equal(await echo.call("echo", 1), 1);
      },
    },
    {
      name: "a signal fired after the call changes nothing, and nothing listens to it any more",
      async run(bench) {
        const module = await bench.load("echo");
        const controller = new AbortController();
        for (let i = 0; i < 20; i++)
          assert.equal(await module.call("echo", i, { signal: controller.signal, ...atTheLatest }), i);
        assert.equal(getEventListeners(controller.signal, "abort").length, 0, "listeners are left on the signal");
        controller.abort();
        assert.equal(await module.call("echo", 1), 1);
      },
    },
    {
      name: "one signal ends all calls that have it, of two modules, running and waiting, and no other",
      async run(bench) {
        const runtime = await bench.runtime();
        const limits = { maxInstances: 1 };
        const modules = [await bench.load("loop", { limits }, runtime), await bench.load("loop", { limits }, runtime)];
        const echo = await bench.load("echo", { limits }, runtime);
        const [controller, other] = [new AbortController(), new AbortController()];
        const reason = { why: "all of them" };
        const options = { signal: controller.signal, ...atTheLatest };
        const calls = modules.flatMap((module) => [
          module.invoke("forever", "1", options),
          module.call("forever", 1, options),
          module.invoke("forever", "1", options),
        ]);
        const spared = echo.call("echo", 1, { signal: other.signal, ...atTheLatest });
        const outcomes = Promise.allSettled<unknown>(calls);
        controller.abort(reason);
        for (const outcome of await bench.answered(outcomes, "calls that one signal aborted", 0.4))
          assert.deepEqual(outcome, { status: "rejected", reason }, "each must reject with the signal's reason");
        assert.equal(await bench.answered(spared, "a call with another signal"), 1);
        assert.equal(getEventListeners(controller.signal, "abort").length, 0, "listeners are left on the signal");
      },
    },
    {
      name: "a signal with a timeout of its own ends a loop",
      async run(bench) {
        const module = await bench.load("loop", { limits: { maxInstances: 1 } });
        const signal = AbortSignal.timeout(TIMEOUT_MS);
        const call = module.invoke("forever", "1", { signal, ...atTheLatest });
        const error = await failure(() => bench.answered(call, "a call that was aborted", 0.4), "the call");
        assert.equal(error, signal.reason);
      },
    },
    signalled(loopsOf(guests, capabilities.signal === "hard")),
    neighbours,
    closed,
    ...queuedSignals(subject),
  ];
}

/** Without any timeout: nothing but the signal ends it. Once it computes, since what has not begun is easily ended. */
function signalled(guests: readonly string[]): Test {
  return {
    name: "a signal alone ends each kind of loop once it computes, and the module works on",
    patience: 2,
    async run(bench) {
      const runtime = await bench.runtime();
      const echo = await bench.load("echo", undefined, runtime);
      for (const guest of guests) {
        const module = await bench.load(guest, { limits: { maxInstances: 1 } }, runtime);
        for (let i = 0; i < (guest === "loop" ? 2 : 1); i++) await endBySignal(bench, module, guest);
        assert.equal(await bench.answered(echo.call("echo", 1), "another module's call"), 1);
        await module.close({ abort: true });
      }
      await expectIdle(`a call of ${guests.join(", ")} that was aborted by a signal`, bench.patience(0.2));
    },
  };
}

async function endBySignal(bench: Bench, module: Module, guest: string): Promise<void> {
  const controller = new AbortController();
  const reason = new Error("the user went away");
  let call = Promise.resolve<unknown>(undefined);
  const start = () => {
    const invoked = module.invoke("forever", "1", { signal: controller.signal });
    call = failure(() => bench.answered(invoked, `a call of ${guest} that was aborted`, 0.2), "the call");
  };
  await untilComputing(COMPUTING_MS, start, bench.patience(0.1));
  controller.abort(reason);
  const error = await call;
  assert.equal(error, reason, `${guest} must reject with the signal's reason, and rejected with ${show(error)}`);
}

/** Calls of other modules that run and wait meanwhile have their answers. */
const neighbours: Test = {
  name: "a call that a signal ends costs other modules no call and no state",
  async run(bench) {
    const runtime = await bench.runtime();
    const neighbours = await Neighbours.make(bench, runtime);
    const module = await bench.load("loop", { limits: { maxInstances: 1 } }, runtime);
    for (let i = 0; i < 2; i++) await neighbours.beside(() => endBySignal(bench, module, "loop"));
  },
};

/** `close({ abort: true })` is the third way to end a guest, for those that leave the host's thread. */
const closed: Test = {
  name: "a guest that close({ abort: true }) ended computes no more",
  async run(bench) {
    const runtime = await bench.runtime();
    const module = await bench.load("loop", { limits: { maxInstances: 1 } }, runtime);
    let call = Promise.resolve<unknown>(undefined);
    const start = () => {
      call = failure(() => bench.answered(module.invoke("forever", "1"), "a call that close aborts", 0.3), "the call");
    };
    await untilComputing(COMPUTING_MS, start, bench.patience(0.2));
    await bench.answered(module.close({ abort: true }), "close({ abort: true })");
    expectCode(await call, "ERR_EXT_CLOSED", "a call that close aborted");
    await expectIdle("a call that close aborted", bench.patience(0.3));
  },
};

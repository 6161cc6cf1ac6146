import assert from "node:assert/strict";
import type { Bench } from "../../bench/bench.ts";
import { expectCode, refusal } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import type { Group, Test } from "../test.ts";
import { patientClose } from "./patient-close.ts";

export function closingGroup(subject: Subject): Group {
  return { name: "closing", promise: "contract", tests: [...closing, ...(subject.traits.awaits ? [neverEnding] : [])] };
}

const closing: readonly Test[] = [
  {
    name: "after close every call is ERR_EXT_CLOSED, and closing again does no harm",
    async run(bench) {
      const module = await bench.load("echo");
      await bench.answered(module.close(), "close()");
      assert.equal(module.closed, true);
      await bench.answered(Promise.all([module.close(), module.close({ abort: true })]), "a second close()");
      await refusal(() => module.invoke("echo", "1"), "ERR_EXT_CLOSED", "invoke after close");
      await refusal(() => module.call("echo", 1), "ERR_EXT_CLOSED", "call after close");
      if (bench.subject.capabilities.sync)
        await refusal(() => module.invokeSync("echo", "1"), "ERR_EXT_CLOSED", "invokeSync after close");
      assert.equal(module.stats().instances, 0, "instances are alive after close");
    },
  },
  patientClose,
  {
    name: "close of the runtime closes its modules, and refuses loads",
    async run(bench) {
      const runtime = await bench.runtime();
      const modules = await Promise.all([
        bench.load("echo", undefined, runtime),
        bench.load("counter", undefined, runtime),
      ]);
      await bench.answered(Promise.all([runtime.close(), runtime.close()]), "close() of the runtime");
      assert.deepEqual(
        modules.map((module) => module.closed),
        [true, true],
      );
      await refusal(() => modules[0]!.invoke("echo", "1"), "ERR_EXT_CLOSED", "invoke after the runtime's close");
      await refusal(() => bench.load("echo", undefined, runtime), "ERR_EXT_CLOSED", "load after the runtime's close");
    },
  },
  {
    name: "close of one module leaves the others alone",
    async run(bench) {
      const runtime = await bench.runtime();
      const [first, second] = [
        await bench.load("counter", undefined, runtime),
        await bench.load("counter", undefined, runtime),
      ];
      assert.deepEqual([await first.call("next"), await second.call("next")], [1, 1]);
      await bench.answered(first.close(), "close()");
      assert.equal(await second.call("next"), 2);
      assert.equal(await (await bench.load("counter", undefined, runtime)).call("next"), 1);
    },
  },
  {
    name: "close while loads are under way ends, and they with it",
    async run(bench) {
      const runtime = await bench.runtime();
      const loads = Array.from({ length: 5 }, () => bench.load("echo", undefined, runtime));
      const outcomes = Promise.allSettled(loads);
      await bench.answered(runtime.close(), "close() of the runtime");
      for (const outcome of await bench.answered(outcomes, "the loads")) {
        if (outcome.status === "rejected")
          expectCode(outcome.reason, "ERR_EXT_CLOSED", "a load while the runtime closes");
        else
          await refusal(() => outcome.value.invoke("echo", "1"), "ERR_EXT_CLOSED", "invoke after the runtime's close");
      }
    },
  },
  {
    name: "await using closes",
    async run(bench) {
      const runtime = await bench.runtime();
      const module = await bench.load("echo", undefined, runtime);
      const other = await bench.load("echo", undefined, runtime);
      await bench.answered(Promise.resolve(module[Symbol.asyncDispose]()), "disposal of a module");
      await bench.answered(Promise.resolve(runtime[Symbol.asyncDispose]()), "disposal of a runtime");
      assert.deepEqual([module.closed, other.closed], [true, true]);
      assert.equal(other.stats().instances, 0, "instances are alive after the disposal of their runtime");
    },
  },
];

const neverEnding: Test = {
  name: "close({ abort: true }) ends though calls never would, and they fail",
  async run(bench: Bench) {
    const module = await bench.load("async", { limits: { maxInstances: 1 } });
    const calls = Promise.allSettled([module.invoke("never", "1"), module.invoke("never", "2")]);
    await bench.answered(module.close({ abort: true }), "close({ abort: true })");
    for (const outcome of await bench.answered(calls, "the calls that were aborted")) {
      assert.equal(outcome.status, "rejected", "a call that never ends gave a result");
      // Some engines see at once that nothing can settle it any more.
      if (outcome.status === "rejected")
        expectCode(outcome.reason, ["ERR_EXT_CLOSED", "ERR_EXT_GUEST"], "a call that close aborted");
    }
    const runtime = await bench.runtime();
    const others = [await bench.load("async", undefined, runtime), await bench.load("async", undefined, runtime)];
    const never = Promise.allSettled(others.map((other) => other.invoke("never", "1")));
    await bench.answered(runtime.close({ abort: true }), "close({ abort: true }) of the runtime");
    for (const { status } of await bench.answered(never, "the calls that were aborted"))
      assert.equal(status, "rejected", "a call that never ends gave a result");
  },
};

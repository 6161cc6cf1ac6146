import assert from "node:assert/strict";
import { expectJson, refusal } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import type { Group, Test } from "../test.ts";

export function syncGroup({ capabilities, traits }: Subject): Group {
  const tests = capabilities.sync ? [...kept, ...(traits.awaits ? [promise] : [])] : [refused];
  return { name: "synchronous calls", promise: "sync", tests };
}

const refused: Test = {
  name: "invokeSync is refused with ERR_EXT_UNSUPPORTED, and the module works on",
  async run(bench) {
    const module = await bench.load("echo");
    const error = await refusal(() => module.invokeSync("echo", "1"), "ERR_EXT_UNSUPPORTED", "invokeSync");
    assert.match(error.message, /invoke/, "the refusal must say what to do instead");
    assert.equal(await module.call("echo", 1), 1);
  },
};

const kept: readonly Test[] = [
  {
    name: "invokeSync answers, as invoke does",
    async run(bench) {
      const module = await bench.load("echo");
      for (const payload of ["1", '{"a":["é😀",null]}', `"${"x".repeat(100_000)}"`])
        expectJson(module.invokeSync("echo", payload), JSON.parse(payload), "the answer");
    },
  },
  {
    name: "it uses the same instances as invoke, one call at a time",
    async run(bench) {
      const module = await bench.load("counter", { limits: { maxInstances: 1 } });
      const counts = [];
      for (let i = 0; i < 20; i++)
        counts.push(i % 2 === 0 ? JSON.parse(module.invokeSync("next", "null")) : await module.call("next"));
      assert.deepEqual(
        counts,
        Array.from({ length: 20 }, (_, i) => i + 1),
      );
    },
  },
  {
    name: "it fails as invoke does, and counts in stats",
    async run(bench) {
      const module = await bench.load("throw", { limits: { maxInstances: 1 } });
      for (let i = 0; i < 20; i++) await refusal(() => module.invokeSync("fail", "1"), "ERR_EXT_GUEST", "invokeSync");
      const { calls, failures, running } = module.stats();
      assert.deepEqual([calls, failures, running], [20, 20, 0]);
    },
  },
];

/** A guest that answers later: refused, unless the engine can run it to its end at once. */
const promise: Test = {
  name: "an asynchronous guest is answered at once or refused with ERR_EXT_UNSUPPORTED, and a busy pool with ERR_EXT_BUSY",
  async run(bench) {
    const module = await bench.load("async", { limits: { maxInstances: 1 } });
    const answers: unknown[] = [];
    try {
      answers.push(JSON.parse(module.invokeSync("later", "1")));
    } catch (error) {
      await refusal(() => Promise.reject(error), "ERR_EXT_UNSUPPORTED", "invokeSync of an asynchronous guest");
    }
    const busy = module.call("later", 2);
    if (module.stats().running === 1)
      await refusal(
        () => module.invokeSync("later", "3"),
        "ERR_EXT_BUSY",
        "invokeSync while the only instance is busy",
      );
    assert.equal(await bench.answered(busy, "the call that was running"), 2);
    assert.ok(answers.every((answer) => answer === 1));
    assert.equal(await bench.answered(module.call("later", 4), "a call after it"), 4);
  },
};

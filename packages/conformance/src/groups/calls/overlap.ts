import assert from "node:assert/strict";
import { InstanceBudget } from "extruntime";
import type { Subject } from "../../facts/facts.ts";
import type { Group, Test } from "../test.ts";

export function overlapGroup({ traits }: Subject): Group {
  return {
    name: "overlapping calls and the pool",
    promise: "contract",
    tests: traits.awaits ? [...overlap, waiting] : overlap,
  };
}

const overlap: readonly Test[] = [
  {
    name: "a thousand calls at a time each get their own answer",
    async run(bench) {
      const module = await bench.load("echo", { limits: { maxInstances: 4 } });
      const calls = Array.from({ length: 1000 }, (_, i) => module.call("echo", { i }));
      const answers = await bench.answered(Promise.all(calls), "a thousand calls");
      assert.deepEqual(
        answers,
        Array.from({ length: 1000 }, (_, i) => ({ i })),
      );
      const { calls: counted, failures, running, queued, instances } = module.stats();
      assert.deepEqual(
        [counted, failures, running, queued],
        [1000, 0, 0, 0],
        "stats: calls, failures, running, queued",
      );
      assert.ok(instances >= 1 && instances <= 4, `the pool of 4 has ${instances} instances`);
    },
  },
  {
    name: "no two calls share an instance at a time, and no call is lost or made twice",
    async run(bench) {
      const module = await bench.load("counter", { limits: { maxInstances: 3 } });
      const counts = await bench.answered(
        Promise.all(Array.from({ length: 300 }, () => module.call<number>("next"))),
        "300 calls",
      );
      // On a busy machine a worker that seems to be stuck is replaced, and its instances with it: more were made then than there are.
      const { instances, instancesCreated } = module.stats();
      assert.ok(instances <= 3, `the pool of 3 has ${instances} instances`);
      // Each instance counts 1, 2, 3, … by itself: so many ones as instances that served, and no gaps.
      const served = counts.filter((count) => count === 1).length;
      assert.ok(
        served >= 1 && served <= instancesCreated,
        `${served} instances counted from 1, and ${instancesCreated} were made`,
      );
      const times = new Map<number, number>();
      for (const count of counts) times.set(count, (times.get(count) ?? 0) + 1);
      for (let count = 2; count <= Math.max(...counts); count++)
        assert.ok(
          (times.get(count) ?? 0) <= (times.get(count - 1) ?? 0),
          `the count ${count} came more often than ${count - 1}: calls shared an instance`,
        );
    },
  },
  {
    name: "failing calls and good ones at a time do not mix",
    async run(bench) {
      const runtime = await bench.runtime();
      const [echo, fail] = [
        await bench.load("echo", { limits: { maxInstances: 2 } }, runtime),
        await bench.load("throw", { limits: { maxInstances: 2 } }, runtime),
      ];
      const calls = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? echo.call("echo", i) : fail.call("fail", i)));
      const outcomes = await bench.answered(Promise.allSettled(calls), "200 calls");
      outcomes.forEach((outcome, i) => {
        if (i % 2 === 0) assert.deepEqual(outcome, { status: "fulfilled", value: i });
        else
          assert.match(
            String((outcome as PromiseRejectedResult).reason),
            new RegExp(`refused: .*${i}`),
            `call ${i} got another's error`,
          );
      });
    },
  },
  {
    name: "modules that share a budget of two instances all work, within it",
    async run(bench) {
      const runtime = await bench.runtime();
      const budget = new InstanceBudget({ maxInstances: 2 });
      const modules = await Promise.all(
        Array.from({ length: 6 }, () => bench.load("echo", { budget, limits: { maxInstances: 4 } }, runtime)),
      );
      const calls = Array.from({ length: 60 }, (_, i) => modules[i % 6]!.call("echo", i));
      assert.deepEqual(await bench.answered(Promise.all(calls), "60 calls"), [...Array(60).keys()]);
      const live = modules.reduce((sum, module) => sum + module.stats().instances, 0);
      assert.ok(live <= 2, `${live} instances live, and the budget has 2`);
    },
  },
];

const waiting: Test = {
  name: "guests that answer later each get their own answer",
  async run(bench) {
    const module = await bench.load("async", { limits: { maxInstances: 4 } });
    const calls = Array.from({ length: 100 }, (_, i) => module.call("later", i));
    assert.deepEqual(await bench.answered(Promise.all(calls), "100 calls"), [...Array(100).keys()]);
    assert.ok(module.stats().instances <= 4);
  },
};

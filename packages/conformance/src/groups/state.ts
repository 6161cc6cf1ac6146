import assert from "node:assert/strict";
import type { Subject } from "../facts.ts";
import type { Group, Test } from "../test-list.ts";

export function stateGroup(_subject: Subject): Group {
  return { name: "state", promise: "contract", tests };
}

const tests: readonly Test[] = [
  {
    name: "a guest's globals last from call to call in its instance",
    async run(bench) {
      const module = await bench.load("counter", { limits: { pool: 1 } });
      const counts = [];
      for (let i = 0; i < 100; i++) counts.push(await module.call("next"));
      assert.deepEqual(
        counts,
        Array.from({ length: 100 }, (_, i) => i + 1),
      );
    },
  },
  {
    name: "no other module sees them, of the same folder and the same name too",
    async run(bench) {
      const runtime = await bench.runtime();
      const modules = [];
      for (let i = 0; i < 5; i++) modules.push(await bench.load("counter", { limits: { pool: 1 } }, runtime));
      for (let round = 1; round <= 3; round++)
        for (const module of modules) assert.equal(await module.call("next"), round);
    },
  },
  {
    name: "no other runtime sees them",
    async run(bench) {
      const [first, second] = [await bench.load("counter"), await bench.load("counter")];
      assert.deepEqual([await first.call("next"), await first.call("next"), await second.call("next")], [1, 2, 1]);
    },
  },
  {
    name: "a module that is loaded again begins anew",
    async run(bench) {
      const runtime = await bench.runtime();
      for (let i = 0; i < 5; i++) {
        const module = await bench.load("counter", { limits: { pool: 1 } }, runtime);
        assert.deepEqual([await module.call("next"), await module.call("next")], [1, 2]);
        await module.close();
      }
    },
  },
];

import assert from "node:assert/strict";
import type { LoadOptions, Module } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { refusal } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import { HOST_FUNCTION } from "../../sources/kit-guest.ts";
import type { Group, Test } from "../test.ts";

export function stateGroup(_subject: Subject): Group {
  return { name: "state", promise: "contract", tests };
}

/** Times that modules are loaded until they keep their instances. */
const LOADS = 5;

/**
 * Looks at modules of one runtime that count, and checks what it saw of those that kept their instances. In a worker one may lose its instance to a machine that is so busy that the
 * worker was taken for held; its stats tell so, and others are loaded.
 */
async function inFirstInstances(
  bench: Bench,
  count: number,
  look: (modules: readonly Module[]) => Promise<() => void>,
): Promise<void> {
  const runtime = await bench.runtime();
  for (let left = bench.subject.placement === "inline" ? 1 : LOADS; left > 0; left--) {
    const modules: Module[] = [];
    for (let i = 0; i < count; i++) modules.push(await bench.load("counter", { limits: { maxInstances: 1 } }, runtime));
    const check = await look(modules);
    if (left === 1 || modules.every((module) => module.stats().instancesCreated === 1)) return check();
    await Promise.all(modules.map((module) => module.close()));
  }
}

const tests: readonly Test[] = [
  {
    name: "a guest's globals last from call to call in its instance",
    async run(bench) {
      await inFirstInstances(bench, 1, async ([module]) => {
        const counts: unknown[] = [];
        for (let i = 0; i < 100; i++) counts.push(await module!.call("next"));
        return () =>
          assert.deepEqual(
            counts,
            Array.from({ length: 100 }, (_, i) => i + 1),
          );
      });
    },
  },
  {
    name: "no other module sees them, of the same folder and the same name too",
    async run(bench) {
      await inFirstInstances(bench, 5, async (modules) => {
        const rounds: unknown[][] = [];
        for (let round = 1; round <= 3; round++) {
          const counts: unknown[] = [];
          for (const module of modules) counts.push(await module.call("next"));
          rounds.push(counts);
        }
        return () =>
          assert.deepEqual(
            rounds,
            [1, 2, 3].map((round) => modules.map(() => round)),
          );
      });
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
    name: "two runtimes have modules of one name, each with its own code, lines, errors and host functions",
    async run(bench) {
      const hosts = bench.subject.capabilities.hostFunctions;
      const open = async (tag: string) => {
        const runtime = await bench.runtime();
        const lines: string[] = [];
        const line = (message: string) => void lines.push(message);
        const load = (guest: string, name: string, options: LoadOptions = {}, permissions: string[] = []) =>
          bench.loadWith(guest, { name, permissions }, options, runtime);
        const print = await load("print", "twin", { logger: { debug: line, info: line, warn: line, error: line } });
        const fail = await load("throw", "twin-throw");
        const code = await load(tag === "first" ? "echo" : "undefined", "twin-code");
        const offered = { hostFunctions: { [HOST_FUNCTION]: (value: unknown) => [tag, value] } };
        const asks = hosts ? await load("call-host", "twin-host", offered, [HOST_FUNCTION]) : undefined;
        return { tag, lines, print, fail, code, asks };
      };
      const both = [await open("first"), await open("second")];
      for (let i = 0; i < 3; i++)
        await Promise.all(
          both.map(async ({ tag, lines, print, fail, code, asks }) => {
            await print.call("print", `${tag} ${i}`);
            const said = [tag, i];
            if (asks !== undefined)
              assert.deepEqual(await bench.answered(asks.call("call", i), "a call of the host"), said, "another host");
            const expected = tag === "first" ? i : null;
            assert.equal(await code.call(code.exports[0]!, i), expected, "a module has the code of another runtime's");
            const error = await refusal(() => fail.call("fail", `${tag} ${i}`), "ERR_EXT_GUEST", "the call");
            assert.ok(error.message.includes(`${tag} ${i}`), `it has another's error: ${error.message}`);
            await bench.until(() => lines.length > i, "a line of a guest");
            assert.ok(
              lines.length === i + 1 && lines.every((each, at) => each.includes(`${tag} ${at}`)),
              `the logger of the ${tag} runtime got ${lines.join(", ")}`,
            );
          }),
        );
    },
  },
  {
    name: "a module that is loaded again begins anew",
    async run(bench) {
      const runtime = await bench.runtime();
      for (let i = 0; i < 5; i++) {
        const module = await bench.load("counter", { limits: { maxInstances: 1 } }, runtime);
        assert.deepEqual([await module.call("next"), await module.call("next")], [1, 2]);
        await module.close();
      }
    },
  },
];

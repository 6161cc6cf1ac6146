import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRuntime } from "../src/engine.ts";
import { ExtensionError, InstanceBudget, type Module } from "../src/index.ts";
import { fakeEngine, fakeExtension, turn } from "./fake-engine.ts";

type Step =
  | { readonly do: "call"; readonly module: number; readonly fn: string }
  | { readonly do: "abort" | "answer" | "reject" | "break" | "failNext" | "turn"; readonly index: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("call" as const),
      module: fc.nat(2),
      fn: fc.constantFrom("wait", "wait", "echo", "fail", "crash"),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom("answer" as const, "turn" as const), index: fc.nat(20) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("abort" as const, "reject" as const, "break" as const, "failNext" as const),
      index: fc.nat(20),
    }),
  },
);

/** What came of one call: how often its promise settled. */
interface Sent {
  readonly controller: AbortController;
  settled: number;
}

describe("any order of calls, answers, aborts, breakages and failures", () => {
  it.each([true, false])(
    "settles each call once, keeps every bound, and leaves nothing behind (instances made at once: %s)",
    async (sync) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { maxLength: 120 }),
          fc.integer({ min: 1, max: 4 }),
          fc.nat(5),
          async (steps, maxInstances, queue) => {
            const engine = fakeEngine({ sync });
            const budget = new InstanceBudget({ maxInstances });
            const runtime = createRuntime(engine, { budget });
            const modules = await Promise.all(
              [0, 1, 2].map((i) =>
                runtime.load(fakeExtension(`m${i}`, { maxInstances: 2, maxQueue: queue }), { lazy: true }),
              ),
            );
            const sent: Sent[] = [];
            for (const action of steps) {
              if (action.do === "call") sent.push(send(modules[action.module]!, action.fn));
              else if (action.do === "turn") await turn();
              else if (action.do === "failNext")
                engine.failNext = new ExtensionError("ERR_EXT_GUEST", "top level threw");
              else if (action.do === "break") engine.brokenInstances.add(action.index);
              else if (action.do === "abort") sent[action.index]?.controller.abort();
              else if (action.do === "answer") engine.open[action.index % (engine.open.length || 1)]?.resolve("1");
              else
                engine.open[action.index % (engine.open.length || 1)]?.reject(
                  new ExtensionError("ERR_EXT_GUEST", "no"),
                );
              expect(budget.live).toBeLessThanOrEqual(maxInstances);
              for (const module of modules) expect(module.stats().instances).toBeLessThanOrEqual(2);
            }
            await settleAll(engine, modules);
            expect(sent.map((call) => call.settled)).toEqual(sent.map(() => 1));
            await runtime.close();
            expect([budget.live, budget.starving, [...engine.closed].sort(byNumber)]).toEqual([0, false, engine.made]);
          },
        ),
        { numRuns: 200 },
      );
    },
  );
});

function send(module: Module, fn: string): Sent {
  const sent: Sent = { controller: new AbortController(), settled: 0 };
  const count = () => {
    sent.settled++;
  };
  module.invoke(fn, "1", { signal: sent.controller.signal }).then(count, count);
  return sent;
}

/** Answers until no call runs or waits. Fails where calls wait and nothing runs that could let them in. */
async function settleAll(engine: ReturnType<typeof fakeEngine>, modules: readonly Module[]): Promise<void> {
  for (let idle = 0; idle < 3; ) {
    await turn();
    const waiting = modules.some((module) => module.stats().queued + module.stats().running > 0);
    if (engine.open.length === 0 && !waiting) return;
    idle = engine.open.length === 0 ? idle + 1 : 0;
    engine.open[0]?.resolve("1");
  }
  throw new Error(`calls wait for ever: ${JSON.stringify(modules.map((module) => module.stats()))}`);
}

function byNumber(a: number, b: number): number {
  return a - b;
}

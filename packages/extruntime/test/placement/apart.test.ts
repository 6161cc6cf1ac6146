import { describe, expect, it } from "vitest";
import type { InvokeOptions, Module } from "../../dist/index.js";
import { guest, withRuntime } from "./guests.ts";

const CODE = `
export const ask = async (value, { host }) => host.call("slow", value);
export const forever = () => { for (;;); };
export const spin = (ms) => { const end = Date.now() + ms; while (Date.now() < end); return ms; };
export const echo = (value) => value;
export const any = (value, context) => value === "forever" ? forever() : ask(value, context);
`;

const ROUNDS = 40;

const hostFunctions = { slow: (ms: number) => new Promise((resolve) => setTimeout(() => resolve(ms), ms)) };

function both(name: string, pool: number) {
  return guest(name, { permissions: ["slow"], limits: { maxInstances: pool } }, CODE);
}

/** Calls that wait for the host, all the time, while others have to be stopped. Returns what became of those that waited, from the first. */
async function mixed(waiting: Module, endless: Module, rounds: number, limits?: InvokeOptions): Promise<string[]> {
  const outcomes: Promise<string>[] = [];
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 3; i++)
      outcomes.push(
        waiting.call("any", 20 + i, limits).then(
          (answer) => (answer === 20 + i ? "answered" : "wrong"),
          (error: { code: string }) => error.code,
        ),
      );
    await expect(endless.call("any", "forever", { timeoutMs: 15 + round })).rejects.toMatchObject({
      code: "ERR_EXT_TIMEOUT",
    });
  }
  return Promise.all(outcomes);
}

describe("the end of a thread for a call that would not stop", () => {
  it.each(["thread", "process"] as const)(
    "costs no other module its calls that wait for the host: %s",
    async (placement) => {
      const workers = { threads: { max: 2 }, processes: { max: 2, shared: true } };
      await withRuntime({ placement, ...workers }, async (runtime) => {
        const waiting = await runtime.load(both("waiting", 3), { hostFunctions });
        const endless = await runtime.load(both("endless", 1), { hostFunctions });
        expect(new Set(await mixed(waiting, endless, ROUNDS))).toEqual(new Set(["answered"]));
      });
    },
  );

  it("costs none where all calls have a limit, and it is not known which end", async () => {
    await withRuntime({ placement: "thread", threads: { max: 2 } }, async (runtime) => {
      const waiting = await runtime.load(both("waiting", 3), { hostFunctions });
      const endless = await runtime.load(both("endless", 1), { hostFunctions });
      expect(new Set(await mixed(waiting, endless, ROUNDS, { timeoutMs: 60_000 }))).toEqual(new Set(["answered"]));
    });
  });

  it.each(["thread", "process"] as const)("costs its own module none either: %s", async (placement) => {
    await withRuntime({ placement, threads: { max: 2 } }, async (runtime) => {
      const module = await runtime.load(both("both", 4), { hostFunctions });
      expect(new Set(await mixed(module, module, ROUNDS))).toEqual(new Set(["answered"]));
    });
  });

  it("waits for one that ends by itself soon after its deadline", async () => {
    await withRuntime({ placement: "thread", threads: { max: 1 } }, async (runtime) => {
      const module = await runtime.load(both("both", 4), { hostFunctions });
      const waiting = Array.from({ length: 3 }, () => module.call("ask", 30));
      await expect(module.call("spin", 200, { timeoutMs: 20 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
      expect(await Promise.all(waiting)).toEqual([30, 30, 30]);
      expect(await module.call("echo", 1)).toBe(1);
    });
  });
});

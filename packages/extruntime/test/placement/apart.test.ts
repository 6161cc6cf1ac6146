import { describe, expect, it } from "vitest";
import type { Module } from "../../dist/index.js";
import { guest, withRuntime } from "./guests.ts";

const CODE = `
export const ask = async (value, { host }) => host.call("slow", value);
export const forever = () => { for (;;); };
export const spin = (ms) => { const end = Date.now() + ms; while (Date.now() < end); return ms; };
export const echo = (value) => value;
`;

const hostFunctions = { slow: (ms: number) => new Promise((resolve) => setTimeout(() => resolve(ms), ms)) };

function both(name: string, pool: number) {
  return guest(name, { permissions: ["slow"], limits: { pool } }, CODE);
}

/** Calls that wait for the host, all the time, while others have to be stopped. Returns what became of those that waited. */
async function mixed(waiting: Module, endless: Module, rounds: number): Promise<string[]> {
  const outcomes: Promise<string>[] = [];
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 3; i++)
      outcomes.push(
        waiting.call("ask", 20 + i).then(
          (answer) => (answer === 20 + i ? "answered" : "wrong"),
          (error: { code: string }) => error.code,
        ),
      );
    await expect(endless.invoke("forever", "null", { timeoutMs: 15 })).rejects.toMatchObject({
      code: "ERR_EXT_TIMEOUT",
    });
  }
  return Promise.all(outcomes);
}

/** Until it is known what their calls do, and each instance has moved away from those that it puts at risk. */
async function untilApart(waiting: Module, endless: Module): Promise<void> {
  for (let tries = 0; tries < 40; tries++) {
    const outcomes = await mixed(waiting, endless, 6);
    if (tries > 0 && outcomes.every((outcome) => outcome === "answered")) return;
  }
  throw new Error("they never part");
}

describe("the end of a thread for a call that would not stop", () => {
  it("costs no other module its calls that wait for the host, once it is known what they do", async () => {
    await withRuntime({ placement: "thread", threads: { max: 1 } }, async (runtime) => {
      const waiting = await runtime.load(both("waiting", 3), { hostFunctions });
      const endless = await runtime.load(both("endless", 1), { hostFunctions });
      await untilApart(waiting, endless);
      expect(new Set(await mixed(waiting, endless, 40))).toEqual(new Set(["answered"]));
    });
  });

  it("costs its own module none either", async () => {
    await withRuntime({ placement: "thread", threads: { max: 2 } }, async (runtime) => {
      const module = await runtime.load(both("both", 4), { hostFunctions });
      await untilApart(module, module);
      expect(new Set(await mixed(module, module, 40))).toEqual(new Set(["answered"]));
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

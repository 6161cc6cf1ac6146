import { describe, expect, it, vi } from "vitest";
import type { Module } from "../../dist/index.js";
import { guest, withRuntime } from "./guests.ts";

/** Guests that answer, and leave something behind that never lets go of their thread. */
const CODE = `
export const echo = (value) => value;
export const microtasks = () => { (async () => { for (;;) await null; })(); return 5; };
export const ticks = () => { const again = () => process.nextTick(again); again(); return 5; };
export const loop = () => { setImmediate(() => { for (;;); }); return 5; };
export const timer = () => { setTimeout(() => { for (;;); }, 1); return 5; };
export const answered = async () => { queueMicrotask(() => setImmediate(() => { for (;;); })); return 5; };
`;
const STORMS = ["microtasks", "ticks", "loop", "timer", "answered"];

const ONE = { threads: { max: 1 }, processes: { max: 1 } };

/** Gives what a storm needs to begin. */
async function storm(module: Module, fn: string): Promise<void> {
  expect(await module.call(fn)).toBe(5);
  if (fn !== "microtasks" && fn !== "ticks") await new Promise((resolve) => setTimeout(resolve, 20));
}

describe.each(["thread", "process"] as const)("what a guest leaves behind in a %s", (placement) => {
  it.each(STORMS)("keeps no later call without a limit waiting (%s)", async (fn) => {
    await withRuntime({ placement, ...ONE }, async (runtime) => {
      const module = await runtime.load(guest("stormy", { limits: { maxInstances: 1 } }, CODE));
      // More often than there may be workers at a time.
      for (let round = 0; round < 4; round++) {
        await storm(module, fn);
        expect(await module.call("echo", round)).toBe(round);
      }
      await module.close();
    });
  });

  it("keeps no load, no instance that is made and no close waiting", async () => {
    await withRuntime({ placement, ...ONE }, async (runtime) => {
      // They wait until the storm was seen to use a processor for a while, which takes long on a busy machine.
      const limits = { loadTimeoutMs: 120_000 };
      const stormy = await runtime.load(guest("stormy", { limits }, CODE));
      const other = await runtime.load(guest("other", { limits: { ...limits, maxInstances: 1 } }), { lazy: true });
      await storm(stormy, "microtasks");
      const loaded = runtime.load(guest("third", { limits: { ...limits, timeoutMs: 120_000 } }));
      expect(await other.call("echo", 1)).toBe(1);
      expect(await (await loaded).call("echo", 2)).toBe(2);
      await Promise.all([stormy.close(), other.close()]);
    });
  });
});

describe("what a guest leaves behind", () => {
  it("in a process of its own keeps no call waiting", async () => {
    await withRuntime({ placement: "process", ...ONE }, async (runtime) => {
      const module = await runtime.load(guest("stormy", { limits: { maxInstances: 1, memoryMb: 64 } }, CODE));
      for (let round = 0; round < 3; round++) {
        await storm(module, "microtasks");
        expect(await module.call("echo", round)).toBe(round);
      }
    });
  });

  it("keeps no synchronous caller waiting for ever", async () => {
    await withRuntime({ placement: "thread", ...ONE }, async (runtime) => {
      const module = await runtime.load(guest("stormy", { limits: { maxInstances: 1 } }, CODE));
      await storm(module, "loop");
      // On a busy machine it is answered for as long as the loop has not begun.
      const asks = () => expect(() => module.invokeSync("echo", "1"));
      await vi.waitFor(() => asks().toThrow(expect.objectContaining({ code: "ERR_EXT_CRASHED" })), 60_000);
      expect(await module.call("echo", 2)).toBe(2);
    });
  });
});

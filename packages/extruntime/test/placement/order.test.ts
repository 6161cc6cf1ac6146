import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { afterEach, describe, expect, it } from "vitest";
import type { Module } from "../../dist/index.js";
import { guest, withRuntime } from "./guests.ts";

const burners: ReturnType<typeof spawn>[] = [];

/** Keeps every core busy ten times over, for a minute at the most. */
function burn(): void {
  const code = "const end = Date.now() + 60_000; while (Date.now() < end);";
  for (let i = 0; i < availableParallelism() * 10; i++)
    burners.push(spawn(process.execPath, ["-e", code], { stdio: "ignore" }));
}

afterEach(() => {
  for (const burner of burners.splice(0)) burner.kill("SIGKILL");
});

/** Makes 50 calls at once, and returns in which order they were answered. */
async function answered(module: Module, meanwhile = () => {}): Promise<number[]> {
  const order: number[] = [];
  const calls = Array.from({ length: 50 }, (_, i) => module.call("echo", i).then(() => order.push(i)));
  meanwhile();
  await Promise.all(calls);
  return order;
}

/** This thread does nothing else. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const IN_ORDER = [...Array(50).keys()];

describe.each(["thread", "process"] as const)("calls that wait for one instance in a %s", (placement) => {
  it("are answered in the order in which they came, though their host comes late to the answers", async () => {
    await withRuntime({ placement }, async (runtime) => {
      const module = await runtime.load(guest("guest", { limits: { maxInstances: 1 } }));
      // Quick calls, so that many are sent ahead.
      for (let i = 0; i < 300; i++) await module.call("echo", i);
      for (let round = 0; round < 20; round++)
        expect(await answered(module, () => setImmediate(() => block(25)))).toEqual(IN_ORDER);
    });
  });

  it("are answered in that order on a machine that has ten times too much to do", async () => {
    burn();
    await withRuntime({ placement }, async (runtime) => {
      for (let round = 0; round < 5; round++) {
        const module = await runtime.load(guest(`guest${round}`, { limits: { maxInstances: 1 } }));
        for (let wave = 0; wave < 10; wave++) expect(await answered(module)).toEqual(IN_ORDER);
        await module.close();
      }
    });
  });

  it("keep that order when their worker is held up, and others come meanwhile", async () => {
    await withRuntime({ placement }, async (runtime) => {
      const module = await runtime.load(guest("guest", { limits: { maxInstances: 1 } }));
      for (let i = 0; i < 300; i++) await module.call("echo", i);
      const order: number[] = [];
      const calls: Promise<unknown>[] = [module.call("spin", 150)];
      for (let i = 0; i < 300; i++) {
        calls.push(module.call("echo", i).then(() => order.push(i)));
        if (i % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await Promise.all(calls);
      expect(order).toEqual([...Array(300).keys()]);
    });
  });
});

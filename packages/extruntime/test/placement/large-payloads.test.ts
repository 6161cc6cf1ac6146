import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { afterEach, describe, expect, it } from "vitest";
import type { Module } from "../../dist/index.js";
import { guest, withRuntime } from "./guests.ts";

/** Payloads that a worker needs longer to read than it may be silent. */

const MIB = 2 ** 20;
const SIZES = [14, 40, 60];
const LIMITS = { payloadBytes: 64 * MIB, resultBytes: 64 * MIB };

const CODE = `
export const echo = (value) => value;
export const size = (value) => value.length;
export const spin = (ms) => { const end = Date.now() + ms; while (Date.now() < end); return ms; };
export const spinAfter = (ms) => { setTimeout(() => spin(ms), 0); return null; };
`;

const burners: ReturnType<typeof spawn>[] = [];

/** Keeps every core busy five times over, for two minutes at the most. */
function burn(): void {
  const code = "const end = Date.now() + 120_000; while (Date.now() < end);";
  for (let i = 0; i < availableParallelism() * 5; i++)
    burners.push(spawn(process.execPath, ["-e", code], { stdio: "ignore" }));
}

afterEach(() => {
  for (const burner of burners.splice(0)) burner.kill("SIGKILL");
});

function textOf(bytes: number, unit = "x"): string {
  return JSON.stringify(unit.repeat((bytes - 2) / Buffer.byteLength(unit)));
}

async function expectBack(module: Module, payload: string): Promise<void> {
  const result = await module.invoke("echo", payload);
  // A difference is not shown: it would be as long.
  expect(result === payload, `${result.length} units came back of ${payload.length}`).toBe(true);
}

const IN_ORDER = [...Array(50).keys()];

/** Of short calls that are made at once. */
async function orderOfAnswers(module: Module): Promise<number[]> {
  const order: number[] = [];
  await Promise.all(IN_ORDER.map((i) => module.call("echo", i).then(() => order.push(i))));
  return order;
}

function one(name: string) {
  return guest(name, { limits: { maxInstances: 1 } }, CODE);
}

describe.each(["thread", "process"] as const)("a long payload to a %s", (placement) => {
  it.each(SIZES)("of %i MiB goes there and back, and is sent to one worker only", async (mib) => {
    await withRuntime({ placement, limits: LIMITS }, async (runtime) => {
      const module = await runtime.load(one("guest"));
      for (const unit of ["x", "é"]) await expectBack(module, textOf(mib * MIB, unit));
      expect(module.stats().instancesCreated).toBe(1);
    });
  });

  it("is sent to one worker on a machine that has five times too much to do", async () => {
    burn();
    await withRuntime({ placement, limits: LIMITS }, async (runtime) => {
      const module = await runtime.load(one("guest"));
      for (const mib of [14, 40]) await expectBack(module, textOf(mib * MIB));
      // A machine that stands still for a while may have it sent once more.
      expect(module.stats().instancesCreated).toBeLessThan(4);
    });
  }, 240_000);

  it("comes back beside short calls, and those are answered in their order", async () => {
    await withRuntime({ placement, limits: LIMITS }, async (runtime) => {
      const modules = await Promise.all(["a", "b"].map((name) => runtime.load(one(name))));
      for (const mib of SIZES) {
        const long = expectBack(modules[0]!, textOf(mib * MIB));
        const answered = await Promise.all(modules.map(orderOfAnswers));
        expect(answered).toEqual([IN_ORDER, IN_ORDER]);
        await long;
      }
    });
  });

  it("is taken back from a worker that is held before it reads", async () => {
    await withRuntime({ placement, limits: LIMITS }, async (runtime) => {
      const module = await runtime.load(one("guest"));
      await module.call("spinAfter", 240_000);
      const began = performance.now();
      await expectBack(module, textOf(20 * MIB));
      expect(performance.now() - began).toBeLessThan(200_000);
    });
  });
});

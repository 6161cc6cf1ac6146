import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { quickjs } from "../src/index.ts";
import { load } from "./guest.ts";

const run = promisify(execFile);

interface Growth {
  heap: number;
  linear: number;
  resident: number;
  answers: number;
  instances: number;
}

/** Runs a scenario in a process of its own with the garbage collector exposed, and returns the bytes that it gained. */
async function growth(scenario: string): Promise<Growth> {
  const script = fileURLToPath(new URL("endurance-child.mjs", import.meta.url));
  const { stdout } = await run(process.execPath, ["--expose-gc", script, scenario]);
  return JSON.parse(stdout);
}

test.each([14, 15, 16])("2^%i calls on one instance", async (power) => {
  await using module = await load("let calls = 0; function f() { return ++calls }", { limits: { maxInstances: 1 } });
  const count = 2 ** power;
  for (let i = 1; i < count; i++) module.invokeSync("f", "null");
  expect(module.invokeSync("f", "null")).toBe(String(count));
  expect(module.stats().instancesCreated).toBe(1);
});

test("200,000 calls leave memory where it was", async () => {
  const { heap, linear, resident } = await growth("calls");
  expect(heap).toBeLessThan(2e6);
  expect(linear).toBe(0);
  expect(resident).toBeLessThan(16e6);
}, 300_000);

test("50,000 overlapping calls that call the host, and leave calls open, leave memory where it was", async () => {
  const { heap, linear, resident, instances } = await growth("hostCalls");
  expect(heap).toBeLessThan(2e6);
  expect(linear).toBe(0);
  expect(resident).toBeLessThan(16e6);
  expect(instances).toBe(8);
}, 300_000);

test("a thousand loads and closes leave memory where it was", async () => {
  const { heap, resident } = await growth("loads");
  expect(heap).toBeLessThan(2e6);
  expect(resident).toBeLessThan(64e6);
}, 300_000);

test("ten thousand loaded modules cost kilobytes each, and any of them can be called", async () => {
  const { heap, answers } = await growth("modules");
  expect(heap / 10_000).toBeLessThan(8192);
  expect(answers).toBe(100);
}, 300_000);

test("a thousand overlapping calls on a pool of four are all answered, each with its own value", async () => {
  const runtime = quickjs({ limits: { maxInstances: 4 } });
  const files = { "guest.js": "async function f(value) { await null; return value * 2 }" };
  const module = await runtime.load({
    manifest: { name: "guest", runtime: "quickjs", module: "guest.js", exports: ["f"] },
    files,
  });
  const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => module.call("f", i)));
  expect(answers).toEqual(Array.from({ length: 1000 }, (_, i) => i * 2));
  await runtime.close();
});

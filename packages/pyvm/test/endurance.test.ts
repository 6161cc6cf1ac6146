import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { nightly } from "../../../fixtures/index.js";
import { cpython, hasOwnGil, testIf } from "./guest.ts";

const child = fileURLToPath(new URL("endurance-child.mjs", import.meta.url));

/** Runs a scenario in a process of its own and returns what it gained. */
async function run(scenario: string): Promise<Record<string, number>> {
  const whole = nightly ? "1" : "";
  const env = {
    ...process.env,
    PYVM_TEST_WHOLE: whole,
    PYVM_PYTHON: cpython.executable,
    PYVM_TEST_SHARED: hasOwnGil ? "" : "1",
  };
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", child, scenario], { env });
  return JSON.parse(stdout) as Record<string, number>;
}

const MIB = 1 << 20;

test("200,000 calls, one at a time and failures among them, leave memory as it was", async () => {
  const { heap, resident } = await run("calls");
  expect(heap).toBeLessThan(2 * MIB);
  expect(resident).toBeLessThan(48 * MIB);
});

test("and so do as many, 64 at a time", async () => {
  const { heap, resident } = await run("overlapping");
  expect(heap).toBeLessThan(2 * MIB);
  expect(resident).toBeLessThan(48 * MIB);
});

test("120,000 calls of host functions leave memory as it was", async () => {
  const { heap, resident } = await run("hostCalls");
  expect(heap).toBeLessThan(2 * MIB);
  expect(resident).toBeLessThan(48 * MIB);
});

test("rounds of reading, refusing, failing and writing leave no Python object behind", async () => {
  expect((await run("references")).blocks).toBeLessThan(500);
});

test("a thousand loads and closes in the shared interpreter leave memory as it was", async () => {
  expect((await run("sharedLoads")).resident).toBeLessThan(48 * MIB);
});

testIf(!cpython.freeThreaded)(
  "and so do a thousand of modules that register what is theirs with the standard library",
  async () => {
    expect((await run("registering")).resident).toBeLessThan(128 * MIB);
  },
);

testIf(hasOwnGil && !cpython.freeThreaded)("hundreds of interpreters come and go", async () => {
  const { heap, resident } = await run("loads");
  expect(heap).toBeLessThan(2 * MIB);
  expect(resident).toBeLessThan(48 * MIB);
});

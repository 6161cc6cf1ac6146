import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Module } from "extruntime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pywasm } from "../../src/index.ts";
import { loadTests, quick, runModule } from "./run.mjs";

const script = fileURLToPath(new URL("../../../../scripts/pywasm-cpython-tests.mjs", import.meta.url));
const folder = execFileSync(process.execPath, [script, "--if-present"], { encoding: "utf8" }).trim();

// The others run at night. Where CPython's tests are not at hand there is nothing to run; CI has them.
describe.runIf(folder !== "" || process.env.CI)("CPython's own tests", () => {
  let tests: Module;
  beforeAll(async () => {
    tests = await loadTests(pywasm, folder);
  });
  afterAll(() => tests.close());

  test.each(quick)("%s", async (name) => {
    const { run, unexplained } = await runModule(tests, name);
    expect(unexplained).toEqual([]);
    expect(run).toBeGreaterThan(0);
  });
});

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { defineConfig, type ViteUserConfig } from "vitest/config";
import { nightly } from "./fixtures/index.js";
import LongestFirst from "./scripts/test-order.mjs";

/** Where isolated-vm is missing, which scripts/get-isolated-vm.mjs says; in CI it must be. */
const withoutIsolatedVm = loads("isolated-vm") ? [] : ["packages/v8/test/**"];

/** Where its interpreter could not be built, which scripts/get-pywasm.mjs says; in CI it must be. */
const withoutPywasm = existsSync(new URL("packages/pywasm/build/python.wasm", import.meta.url))
  ? []
  : ["packages/pywasm/test/**"];

function loads(addon: string): boolean {
  try {
    createRequire(import.meta.url)(addon);
    return true;
  } catch {
    return false;
  }
}

const common: ViteUserConfig["test"] = {
  // A process each: engines keep state of their own per process, and some tests count it.
  pool: "forks",
  // What is built runs as Node runs it: guests are imported by Node, not through the test runner's transforms.
  server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
  // Beside a load of twenty, what takes ten seconds takes minutes.
  testTimeout: 300_000,
  hookTimeout: 300_000,
  // In CI a test that fails is run once more, and counts as passed where it passes then; scripts/test.mjs names those. At night and by hand none is.
  retry: process.env.CI && !nightly ? 1 : 0,
};

const everything: ViteUserConfig["test"] = {
  ...common,
  include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts", "benchmarks/test/**/*.test.ts"],
  exclude: [
    "**/node_modules/**",
    ...withoutIsolatedVm,
    ...withoutPywasm,
    ...(nightly ? [] : ["test/chaos/finds.test.ts"]),
  ],
};

/** Further CPythons, which scripts/test.mjs names: `{ "3.14": "/path/of/python3.14" }`. A process has one of them, so pyvm's tests run again on each. */
// biome-ignore lint/suspicious/noUndeclaredEnvVars: turbo runs and caches none of this.
const pythons = Object.entries(JSON.parse(process.env.EXTRUNTIME_PYTHONS ?? "{}") as Record<string, string>);

/** What is no other on a further CPython, or takes minutes: left to the nightly run, as CONTRIBUTING.md says. */
const SAME_EVERYWHERE = ["conformance-*", "endurance", "hostile-answers", "placement", "files", "find-python"];
/** Who makes a short call is another question only where there is no GIL. */
const WITH_GIL = ["short-calls"];

function leftOut(python: string): string[] {
  const files = [...SAME_EVERYWHERE, ...(python.includes("without the GIL") ? [] : WITH_GIL)];
  return nightly ? [] : files.map((file) => `packages/pyvm/test/${file}.test.ts`);
}

export default defineConfig({
  test: {
    ...everything,
    // One more than there are cores, since tests wait for processes and timers as often as they compute.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: LongestFirst },
    ...(pythons.length === 0
      ? {}
      : {
          projects: [
            { test: { ...everything, name: "all" } },
            ...pythons.map(([name, python]) => ({
              test: {
                ...common,
                name,
                include: ["packages/pyvm/test/**/*.test.ts"],
                exclude: leftOut(name),
                env: { PYVM_PYTHON: python },
              },
            })),
          ],
        }),
  },
});

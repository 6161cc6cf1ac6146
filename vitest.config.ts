import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Where isolated-vm is not to be had, which scripts/get-isolated-vm.mjs says; in CI it must be. */
const withoutIsolatedVm = loads("isolated-vm") ? [] : ["packages/v8/test/**"];

function loads(addon: string): boolean {
  try {
    createRequire(import.meta.url)(addon);
    return true;
  } catch {
    return false;
  }
}

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts", "benchmarks/test/**/*.test.ts"],
    exclude: ["**/node_modules/**", ...withoutIsolatedVm],
    // A process each: engines keep state of their own per process, and some tests count it.
    pool: "forks",
    // Tests wait for others more than they compute, and the conformance suites take minutes each.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // What is built runs as Node runs it: guests are imported by Node, not through the test runner's transforms.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

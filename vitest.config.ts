import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts", "benchmarks/test/**/*.test.ts"],
    exclude: ["**/node_modules/**"],
    // A process each: engines keep state of their own per process, and some tests count it.
    pool: "forks",
    // What is built runs as Node runs it: guests are imported by Node, not through the test runner's transforms.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const run = promisify(execFile);

/** Runs a script in a process of its own, with the garbage collector at hand, and reads what it prints. */
async function measure(script: string): Promise<Record<string, number>> {
  const { stdout } = await run(process.execPath, ["--expose-gc", fileURLToPath(new URL(script, import.meta.url))]);
  return JSON.parse(stdout);
}

it("200,000 calls, synchronous, asynchronous and failing, leave memory where it was", async () => {
  // A leak of 10 bytes a call would show as 2 MB.
  expect((await measure("memory-child.mjs")).growth).toBeLessThan(1_000_000);
});

it("a host with ten thousand native modules pays kilobytes for each, and any of them can be called", async () => {
  const { heapPerModule, answers, live } = await measure("many-modules-child.mjs");
  expect(heapPerModule).toBeLessThan(16_384);
  expect(answers).toBe(1000);
  // The host's bound on live instances, by default.
  expect(live).toBeLessThanOrEqual(256);
});

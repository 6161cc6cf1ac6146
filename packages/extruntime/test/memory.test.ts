import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const run = promisify(execFile);

/** Runs 200,000 calls in a process of its own, and reports the bytes that live on after the garbage collector ran. */
async function measure(script: string): Promise<{ growth: number }> {
  const { stdout } = await run(process.execPath, ["--expose-gc", fileURLToPath(new URL(script, import.meta.url))]);
  return JSON.parse(stdout);
}

it("200,000 calls, synchronous, asynchronous and failing, leave memory where it was", async () => {
  // A leak of 10 bytes a call would show as 2 MB.
  expect((await measure("memory-child.mjs")).growth).toBeLessThan(1_000_000);
});

/**
 * Calls a guest many times and prints what memory that took: `node --expose-gc endurance-child.mjs <guest.wasm> <calls> <fails?>`.
 * Runs on the built package, since a process of its own has no test runner to read TypeScript.
 */
import { readFile } from "node:fs/promises";
import { wasm } from "../dist/index.js";

const [path, count, fails] = process.argv.slice(2);
const runtime = wasm();
const module = await runtime.load(
  {
    manifest: {
      ...{ name: "guest", runtime: "wasm", module: "guest.wasm", exports: ["echo"], limits: { maxInstances: 1 } },
      permissions: ["f"],
    },
    files: { "guest.wasm": await readFile(path) },
  },
  { hostFunctions: { f: (value) => value } },
);

/** Answers that were not as they should be. */
let wrong = 0;
async function call(times) {
  for (let i = 0; i < times; i++) {
    const payload = `{"call":${i},"text":"äöü"}`;
    const answer = await module.invoke("echo", payload).catch((error) => error.code);
    if (answer !== (fails === "fails" ? "ERR_EXT_GUEST" : payload)) wrong += 1;
  }
}

/** Bytes in use, and the resident set, when all garbage is gone. */
async function memory() {
  for (let i = 0; i < 5; i++) {
    globalThis.gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { used: heapUsed + external + arrayBuffers, rss };
}

const calls = Number(count);
await call(calls / 10);
const before = await memory();
await call(calls);
const after = await memory();
const { instancesCreated } = module.stats();
await runtime.close();
process.stdout.write(
  JSON.stringify({ wrong, instancesCreated, grown: after.used - before.used, rssGrown: after.rss - before.rss }),
);

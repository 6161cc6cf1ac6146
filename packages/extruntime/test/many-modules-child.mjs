// Loads ten thousand native modules into one host and calls a tenth of them, spread out. Prints { heapPerModule, answers, live }. Run with --expose-gc.
import { ExtensionHost, native } from "../dist/index.js";

const MODULES = 10_000;
const files = { "double.mjs": "export function double(value) { return value * 2 }" };
const host = new ExtensionHost({ runtimes: [native()] });
const name = (index) => `tenant-${index}`;

async function load(index) {
  const manifest = { name: name(index), runtime: "native", module: "double.mjs", exports: ["double"] };
  await host.load({ manifest, files }, { lazy: true });
}

async function heap() {
  for (let i = 0; i < 4; i++) {
    await new Promise(setImmediate);
    globalThis.gc();
  }
  return process.memoryUsage().heapUsed;
}

await load(0);
const before = await heap();
for (let i = 1; i <= MODULES; i++) await load(i);
const heapPerModule = ((await heap()) - before) / MODULES;

let answers = 0;
for (let i = 1; i <= MODULES; i += 10) if ((await host.call(name(i), "double", i)) === i * 2) answers++;
let live = 0;
for (let i = 1; i <= MODULES; i++) live += host.get(name(i)).stats().instances;
await host.close();
process.stdout.write(JSON.stringify({ heapPerModule, answers, live }));

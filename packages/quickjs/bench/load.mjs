// What loading costs: the first module of a process, then the median of further ones, with a memory of their own and
// with a shared one, and by the library's own way of making a module. Then what a loaded and a live module weigh.
import { fileURLToPath } from "node:url";
import { quickjs } from "@extruntime/quickjs";
import variant from "@jitl/quickjs-wasmfile-release-sync";
import { newQuickJSWASMModuleFromVariant } from "quickjs-emscripten-core";

const FIXTURE = fileURLToPath(new URL("../../../fixtures/validate-email/quickjs/", import.meta.url));
const ROUNDS = Number(process.env.ROUNDS ?? 51);

const started = performance.now();
const own = quickjs();
await (await own.load(FIXTURE)).close();
const first = performance.now() - started;
const shared = quickjs({ memory: "shared" });
const kept = await shared.load(FIXTURE);

const ways = {
  "load, memory of its own": () => own.load(FIXTURE).then((module) => module.close()),
  "load, memory limit": () => own.load(FIXTURE, { limits: { memoryMb: 16 } }).then((module) => module.close()),
  "load, shared memory": () => shared.load(FIXTURE).then((module) => module.close()),
  "load, lazy": () => own.load(FIXTURE, { lazy: true }).then((module) => module.close()),
  "quickjs-emscripten, a WebAssembly module of its own": () =>
    newQuickJSWASMModuleFromVariant(variant).then((module) => module.newContext().dispose()),
};
const times = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
for (let round = -3; round < ROUNDS; round++)
  for (const [name, way] of Object.entries(ways)) {
    const from = performance.now();
    await way();
    if (round >= 0) times[name].push(performance.now() - from);
  }
console.log(`| way | ms |\n| --- | --- |\n| the first load of a process | ${first.toFixed(1)} |`);
for (const [name, list] of Object.entries(times))
  console.log(`| ${name} | ${list.sort((a, b) => a - b)[list.length >> 1].toFixed(2)} |`);

console.log("\n| each of | KB of heap | KB resident |\n| --- | --- | --- |");
await weigh("1000 modules loaded lazily", 1000, own, { lazy: true });
await weigh("100 live modules, memory of their own", 100, own);
await weigh("100 live modules, shared memory", 100, shared);
await kept.close();
await own.close();
await shared.close();

async function weigh(name, count, runtime, options) {
  globalThis.gc?.();
  const before = process.memoryUsage();
  const modules = [];
  for (let i = 0; i < count; i++) modules.push(await runtime.load(FIXTURE, options));
  globalThis.gc?.();
  const after = process.memoryUsage();
  const per = (key) => ((after[key] - before[key]) / count / 1024).toFixed(1);
  console.log(`| ${name} | ${per("heapUsed")} | ${per("rss")} |`);
  await Promise.all(modules.map((module) => module.close()));
}

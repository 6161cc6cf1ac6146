// Scenarios for endurance.test.ts. Prints what each gained, in bytes, as JSON.
import { quickjs } from "@extruntime/quickjs";

const FILES = {
  "guest.js": "let calls = 0; function f(value) { calls++; return { value, calls, text: 'x'.repeat(100) } }",
};
const runtime = quickjs();
const load = (name, options) =>
  runtime.load({ manifest: { name, runtime: "quickjs", module: "guest.js", exports: ["f"] }, files: FILES }, options);

const HOSTED = {
  "guest.js":
    "const f = async (v) => { host.call('later', v); return [await host.call('now', v), ...await Promise.all([host.call('later', v), host.call('later', v)])] }",
};
const scenarios = { calls, loads, modules, hostCalls };
console.log(JSON.stringify(await scenarios[process.argv[2]]()));
await runtime.close();

async function calls() {
  const module = await load("guest");
  const some = async (count) => {
    for (let i = 0; i < count; i++) await module.invoke("f", `{"n":${i},"text":"é"}`);
  };
  await some(20_000);
  return gain(() => some(200_000));
}

/** Each call has three answers and leaves one open. */
async function hostCalls() {
  const manifest = { name: "guest", runtime: "quickjs", module: "guest.js", exports: ["f"] };
  const module = await runtime.load(
    { manifest: { ...manifest, permissions: ["now", "later"], limits: { memoryMb: 16 } }, files: HOSTED },
    { hostFunctions: { now: (value) => value, later: async (value) => value } },
  );
  const some = async (count) => {
    for (let i = 0; i < count; i += 100)
      await Promise.all(Array.from({ length: 100 }, (_, j) => module.invoke("f", `{"n":${i + j}}`)));
  };
  // Until then each instance's heap reaches the size that it keeps, and V8 compiles what runs often.
  await some(25_000);
  const gained = await gain(() => some(50_000));
  return { ...gained, instances: module.stats().instancesCreated };
}

async function loads() {
  const some = async (count) => {
    for (let i = 0; i < count; i++) {
      const module = await load("guest");
      await module.invoke("f", "1");
      await module.close();
      // A linear memory is only freed when V8 collects it, and V8 does not see how large it is.
      if (i % 50 === 0) await collect();
    }
  };
  await some(100);
  return gain(() => some(1000));
}

async function modules() {
  await (await load("first")).invoke("f", "1");
  const loaded = [];
  const gained = await gain(async () => {
    for (let i = 0; i < 10_000; i++) loaded.push(await load(`guest-${i}`, { lazy: true }));
  });
  let answers = 0;
  for (let i = 0; i < 10_000; i += 100) if ((await loaded[i].call("f", i)).value === i) answers++;
  return { ...gained, answers };
}

async function gain(work) {
  const before = await usage();
  await work();
  const after = await usage();
  return Object.fromEntries(Object.keys(after).map((key) => [key, after[key] - before[key]]));
}

async function usage() {
  await collect();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return { heap: heapUsed, linear: arrayBuffers, resident: rss };
}

async function collect() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
}

// Scenarios for endurance.test.ts. Prints what each gained, in bytes, as JSON.
import { pyvm } from "@extruntime/pyvm";

const runtime = pyvm();
/** In the nightly run. */
const whole = process.env.PYVM_TEST_WHOLE === "1";
const shared = process.env.PYVM_TEST_SHARED === "1" ? { python: { interpreter: "shared" } } : {};
const hostFunctions = {
  now: (value) => value,
  later: async (value) => value,
  fail: () => {
    throw new RangeError("é");
  },
};
const load = (source, more = {}) => {
  const manifest = { name: "guest", runtime: "pyvm", module: "guest.py", exports: ["f"], ...shared, ...more };
  return runtime.load({ manifest, files: { "guest.py": source } }, { hostFunctions });
};
const SOURCE = `
def f(value):
    if value["n"] % 7 == 0: raise ValueError("é" * 10)
    return {"value": value, "text": "x" * 100, "big": 2 ** 100, "list": [1.5, None, True]}
`;

async function calls() {
  const module = await load(SOURCE, { limits: { maxInstances: 2 } });
  const some = async (count) => {
    for (let i = 0; i < count; i++) {
      const payload = `{"n":${i},"text":"é😀","key${i}":[1,2.5,{"a":null}]}`;
      try {
        module.invokeSync("f", payload);
        await module.invoke("f", payload);
      } catch {
        // every seventh
      }
    }
  };
  await some(10_000);
  return gain(() => some(200_000));
}

/** The same, 64 at a time. */
async function overlapping() {
  const module = await load(SOURCE, { limits: { maxInstances: 2 } });
  let n = 0;
  const some = async (count) => {
    const lane = async () => {
      while (n++ < count) {
        await module.invoke("f", `{"n":${n},"text":"é😀","key${n}":[1,2.5,{"a":null}]}`).catch(() => {});
      }
    };
    n = 0;
    await Promise.all(Array.from({ length: 64 }, lane));
  };
  await some(20_000);
  return gain(() => some(200_000));
}

async function hostCalls() {
  const source = `
import extruntime
def f(value):
    for i in range(value):
        extruntime.call("now", {"i": i, f"key{i}": ["é", 1.5, None]})
        try: extruntime.call("later" if i % 2 else "fail", "x" * 100)
        except extruntime.HostError: pass
`;
  const module = await load(source, { limits: { maxInstances: 2 }, permissions: Object.keys(hostFunctions) });
  const some = async (count) => {
    module.invokeSync("f", String(count));
    await Promise.all([module.invoke("f", String(count)), module.invoke("f", String(count))]);
  };
  await some(2000);
  return gain(() => some(20_000));
}

/** Blocks that Python's allocator counts: what the addon takes and does not give back would show here. */
async function references() {
  const source = `
import sys, gc
def f(v): return {"v": v, "t": (1, [2.5], "é"), "k": {"a": {}}}
def fail(v): raise KeyError(v)
def blocks(v):
    gc.collect()
    return sys.getallocatedblocks()
`;
  const module = await load(source, { exports: ["f", "fail", "blocks"], limits: { maxInstances: 1 } });
  const some = (count) => {
    for (let i = 0; i < count; i++) {
      module.invokeSync("f", '{"a":[1,2,{"b":"\\u00e9"}],"c":1e3,"d":123456789012345678901234567890}');
      for (const bad of ['{"a":[1,[2,{"b":', '["x\\ud800y", NaN]'])
        try {
          module.invokeSync("f", bad);
        } catch {
          // refused
        }
      try {
        module.invokeSync("fail", '["k"]');
      } catch {
        // thrown
      }
    }
    return Number(module.invokeSync("blocks", "0"));
  };
  some(2000);
  const before = some(100);
  return { blocks: some(whole ? 20_000 : 5_000) - before };
}

async function loads(count = whole ? 1000 : 300) {
  const some = async (count) => {
    for (let i = 0; i < count; i++) {
      const module = await load("def f(v): return v");
      await module.invoke("f", "1");
      await module.close();
    }
  };
  await some(50);
  return gain(() => some(count));
}

async function sharedLoads() {
  shared.python = { interpreter: "shared" };
  return loads(1000);
}

/** Modules of a megabyte that register what is theirs in many places. */
async function registering() {
  shared.python = { interpreter: "shared" };
  const source = `
import atexit, codecs, copyreg, logging, threading, typing, warnings, weakref
held = bytearray(1_000_000)
class Own: pass
class Hears(logging.Handler):
    def emit(self, record): held
class Warns(UserWarning): pass
def own(*args): return held
for name in (__name__, "", "a.library"): logging.getLogger(name).addHandler(Hears())
atexit.register(own)
weakref.finalize(logging.Logger, own)
codecs.register(lambda name: own() if name == "nobody" else None)
copyreg.pickle(Own, own)
threading.excepthook = own
warnings.simplefilter("ignore", Warns)
kinds = typing.Optional[Own], typing.List[Own]
def f(v): return len(held)
`;
  const some = async (count) => {
    for (let i = 0; i < count; i++) {
      const module = await load(source);
      await module.invoke("f", "1");
      await module.close();
    }
  };
  await some(200);
  return gain(() => some(1000));
}

async function gain(work) {
  const before = await usage();
  await work();
  const after = await usage();
  return Object.fromEntries(Object.keys(after).map((key) => [key, after[key] - before[key]]));
}

async function usage() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, resident: rss };
}

const scenarios = { calls, overlapping, hostCalls, references, loads, sharedLoads, registering };
console.log(JSON.stringify(await scenarios[process.argv[2]]()));
await runtime.close();

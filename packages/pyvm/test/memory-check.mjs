// A short run of everything that allocates, for AddressSanitizer or valgrind: see scripts/memory-check.sh.
import { createRuntime } from "extruntime";
import { pyvmEngine } from "../dist/engine.js";
import { staying } from "./staying.mjs";

const source = `
import atexit, codecs, extruntime, json, logging, pickle, sqlite3, threading, weakref
import helper.inner
class Own: pass
local = threading.local()
local.calls = 0
connection = sqlite3.connect(":memory:")
logging.getLogger(__name__).addHandler(logging.Handler())
atexit.register(print, "closed")
weakref.finalize(logging.Logger, print, Own())
codecs.register(lambda name: None)
def kept(v):
    local.calls += 1
    connection.execute("select 1").fetchone()
    try: return kept([v])
    except RecursionError: return type(pickle.loads(pickle.dumps(Own()))) is Own
def echo(v): return v
def fail(v): raise ValueError({"a": v})
def odd(v): return [{1: (2, 3.5)}, 2 ** 200, "\\ud800", float(v or 0)]
def spin(v):
    while True:
        try:
            while True: pass
        except BaseException: pass
def host(v):
    said = [extruntime.call("echo", v)]
    for name in "fail", "later", "nothing":
        try: said.append(extruntime.call(name, v))
        except (extruntime.HostError, PermissionError) as error: said.append(str(error))
    return said
def nested(v): return extruntime.call("again", v)
def threaded(v):
    from threading import Thread
    threads = [Thread(target=host, args=(v,)) for _ in range(2)]
    for each in threads: each.start()
    for each in threads: each.join()
def waiting(v):
    while True:
        try: extruntime.call("never", v)
        except BaseException: pass
async def later(v):
    import asyncio
    await asyncio.sleep(0)
    print("é" * 100)
    return v
`;
const exports = ["kept", "echo", "fail", "odd", "spin", "later", "host", "nested", "threaded", "waiting"];
let again;
const hostFunctions = {
  echo: (value) => value,
  later: async (value) => value,
  fail: () => Promise.reject(new Error("é".repeat(100))),
  never: () => new Promise(() => {}),
  again: (value) => again.invokeSync("host", JSON.stringify(value)),
};
const waitingTop = "import extruntime\nextruntime.call('never')";
const payloads = [
  '{"a":[1,2.5,"x",null,true,{"é":"\\ud83d\\ude00\\n"}]}',
  `"${"é".repeat(50_000)}"`,
  "12345678901234567890",
  "1e400",
  "[1,",
  '{"a":NaN}',
  `${"[".repeat(500)}${"]".repeat(500)}`,
];
// With malloc, so that every object of Python is watched, too.
const engine = pyvmEngine({ allocator: "system", graceMs: 600_000 });
const logger = { info() {}, error() {} };
const sent = createRuntime(engine, { logger });
const stays = createRuntime(staying(engine), { logger });
for (const [interpreter, runtime] of [
  ["isolated", sent],
  ["shared", sent],
  ["isolated", stays],
  ["shared", stays],
]) {
  const manifest = {
    name: "guest",
    runtime: "pyvm",
    module: "g.py",
    exports,
    limits: { maxInstances: 2 },
    permissions: Object.keys(hostFunctions),
    python: { interpreter },
  };
  const files = { "helper/__init__.py": "", "helper/inner.py": "from . import inner\nname = 'é'" };
  const load = (code, more) =>
    runtime.load({ manifest: { ...manifest, ...more }, files: { ...files, "g.py": code } }, { hostFunctions });
  const module = await load(source);
  again = await load(source);
  for (const failing of ["def f(", "import helper.nothing", "while True: pass", waitingTop]) {
    await load(failing, { limits: { loadTimeoutMs: 200 } }).catch(() => {});
  }
  const outcomes = [];
  for (const payload of payloads) {
    for (const fn of ["kept", "echo", "fail", "odd", "later", "host", "nested"]) {
      outcomes.push(module.invoke(fn, payload).catch((error) => error.code));
      await outcomes.at(-1);
      try {
        module.invokeSync(fn, payload);
      } catch {
        // counted above
      }
    }
  }
  await Promise.all(Array.from({ length: 200 }, (_, n) => module.invoke("echo", String(n))));
  await Promise.all(Array.from({ length: 50 }, (_, n) => module.invoke("host", String(n))));
  for (const length of [600_000, 3_000_000]) await module.invoke("host", JSON.stringify("x".repeat(length)));
  await module.invoke("threaded", '["é"]');
  for (const fn of ["spin", "waiting", "waiting"])
    for (let i = 0; i < 3; i++) await module.invoke(fn, "1", { timeoutMs: 50 }).catch(() => {});
  await module.invoke("echo", "1");
  await Promise.all([module.close(), again.close()]);
}
await sent.close();
await stays.close();
console.log("checked");

import type { Module } from "extruntime";
import { describe, expect, test } from "vitest";
import { cpython, guest, hasOwnGil, load, numpyFolder, testIf } from "./guest.ts";

/** Built: a process imports it by itself. */
type Pyvm = typeof import("../src/index.ts").pyvm;
const { pyvm } = (await import(new URL("../dist/index.js", import.meta.url).href)) as { pyvm: Pyvm };

const numpy = numpyFolder();
const modes = hasOwnGil ? (["isolated", "shared"] as const) : (["shared"] as const);

/** Whatever of a thread a program may keep, kept by its top level; each call tells what it finds otherwise. */
const KEEPS = `
import asyncio, contextvars, decimal, sqlite3, threading
decimal.getcontext().prec = 50
local = threading.local()
local.n = 0
var = contextvars.ContextVar("var")
var.set(0)
connection = sqlite3.connect(":memory:")
connection.execute("create table kept(n)")
explicit = sqlite3.connect(":memory:", 5.0, 0, "", True)
loop = asyncio.get_event_loop()
lock = asyncio.Lock()
identity = threading.get_ident()
thread = threading.current_thread()
main = thread is threading.main_thread()
calls = 0
def differs():
    found = {
        "decimal": len(str(decimal.Decimal(1) / 3)) == 52,
        "local": local.n == calls,
        "context": var.get() == calls,
        "sqlite": connection.execute("select count(*) from kept").fetchone()[0] == calls,
        "explicit": explicit.execute("select 1").fetchone() == (1,),
        "loop": asyncio.get_event_loop() is loop,
        "identity": threading.get_ident() == identity,
        "thread": threading.current_thread() is thread and thread.is_alive(),
        "main": (threading.current_thread() is threading.main_thread()) == main,
    }
    return [name for name, same in found.items() if not same]
def f(v):
    global calls
    said = differs()
    calls += 1
    local.n += 1
    var.set(calls)
    connection.execute("insert into kept values (?)", (v,))
    return said
async def g(v):
    async with lock:
        await asyncio.sleep(0)
        return differs()
def deep(v):
    try: return deep(v)
    except RecursionError: pass
    nested = []
    for _ in range(200_000): nested = [nested]
    try: return len(repr(nested))
    except RecursionError: return "deep"
`;
const EXPORTS = ["f", "g", "deep"];

async function mixed(module: Module, rounds: number, sync: boolean): Promise<unknown[]> {
  const said = new Set<string>();
  for (let i = 0; i < rounds; i++) {
    said.add(await module.invoke("f", "1"));
    if (sync) said.add(module.invokeSync("f", "2"));
    said.add(await module.invoke("g", "3"));
    for (const each of await Promise.all([module.invoke("f", "4"), module.invoke("g", "5")])) said.add(each);
  }
  return [...said];
}

describe.each(modes)("in a module of the %s interpreter", (interpreter) => {
  const options = { exports: EXPORTS, manifest: { python: { interpreter } }, limits: { maxInstances: 1 } };

  test("a thousand calls of all kinds find what their top level keeps by thread", async () => {
    await using module = await load(KEEPS, options);
    expect(await mixed(module, 200, true)).toEqual(["[]"]);
    expect([module.invokeSync("deep", "1"), await module.invoke("deep", "1")]).toEqual(['"deep"', '"deep"']);
    expect(await mixed(module, 5, true)).toEqual(["[]"]);
  });

  test.each(["thread", "process"] as const)("so they do in a %s", async (placement) => {
    await using runtime = pyvm({ python: cpython.library, placement });
    const { limits, ...made } = options;
    const module = await runtime.load(guest(KEEPS, made), { limits });
    expect(await mixed(module, 40, false)).toEqual(["[]"]);
  });

  // 3.12 has a ctypes for the main interpreter only.
  testIf(cpython.version !== "3.12" || interpreter === "shared")(
    "callbacks from C come to the thread that called",
    async () => {
      const source = `
import ctypes, threading
local = threading.local()
local.seen = 0
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
def f(v):
    def by_size(a, b):
        local.seen += 1
        return a[0] - b[0]
    numbers = (ctypes.c_int * 3)(3, 1, 2)
    ctypes.CDLL(None).qsort(numbers, 3, ctypes.sizeof(ctypes.c_int), compare(by_size))
    return [list(numbers), local.seen > v]`;
      await using module = await load(source, { ...options, exports: ["f"] });
      for (let i = 0; i < 3; i++)
        for (const said of [module.invokeSync("f", `${i}`), await module.invoke("f", `${i}`)])
          expect(JSON.parse(said)).toEqual([[1, 2, 3], true]);
    },
  );

  test("calls within calls keep what is theirs, and come back to it", async () => {
    const source = `
import extruntime, threading
local = threading.local()
local.depth = None
def f(v):
    local.depth = v
    identity = threading.get_ident()
    within = extruntime.call("within", v - 1) if v > 0 else []
    return [[identity == threading.get_ident(), local.depth == v], *within]`;
    const modules: Module[] = [];
    const within = (v: number) => JSON.parse(modules[v]!.invokeSync("f", JSON.stringify(v))) as unknown;
    const made = { ...options, exports: ["f"], hostFunctions: { within } };
    for (let i = 0; i < 4; i++)
      modules.push(await load(source, { ...made, manifest: { ...options.manifest, permissions: ["within"] } }));
    const same = (n: number) => Array.from({ length: n }, () => [true, true]);
    expect(within(3)).toEqual(same(4));
    expect(await modules[2]!.call("f", 2)).toEqual(same(3));
    expect(within(3)).toEqual(same(4));
    for (const module of modules) await module.close();
  });

  test("a synchronous call that is stopped leaves the thread to the next", async () => {
    await using module = await load(`${KEEPS}\ndef spin(v):\n    while True: pass`, {
      ...options,
      exports: [...EXPORTS, "spin"],
    });
    const stopped = { code: "ERR_EXT_TIMEOUT" };
    expect(() => module.invokeSync("spin", "1", { timeoutMs: 50 })).toThrow(expect.objectContaining(stopped));
    expect(await mixed(module, 2, true)).toEqual(["[]"]);
    await expect(module.invoke("spin", "1", { timeoutMs: 50 })).rejects.toMatchObject(stopped);
    expect(await mixed(module, 2, true)).toEqual(["[]"]);
  });
});

testIf(hasOwnGil)("a library that keeps state by thread of the system keeps the calls on one", async () => {
  const source = "import greenlet, threading\ndef f(v): return threading.get_native_id()";
  await using module = await load(source, { limits: { maxInstances: 1 }, files: { "greenlet.py": "" } });
  const carriers = [module.invokeSync("f", "1"), await module.invoke("f", "1"), module.invokeSync("f", "1")];
  expect(new Set(carriers).size).toBe(1);
});

test("threads that a module starts are others", async () => {
  const source = `
import threading, sqlite3, asyncio
local = threading.local()
local.n = 1
def f(v):
    found = []
    def look(): found.extend([threading.get_ident() != identity, hasattr(local, "n"), threading.current_thread() is thread])
    identity = threading.get_ident()
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found`;
  await using module = await load(source, { limits: { maxInstances: 1 } });
  const expected = "[true,false,true]";
  expect([module.invokeSync("f", "1"), await module.invoke("f", "1")]).toEqual([expected, expected]);
});

testIf(numpy !== undefined)("what numpy was told by the top level holds in every call", async () => {
  const source = `
import numpy as np
np.seterr(divide="raise")
def f(v):
    try: return str(np.float64(1) / np.float64(0))
    except FloatingPointError: return "raised"`;
  await using module = await load(source, {
    manifest: { python: { interpreter: "shared", path: [numpy!] } },
    limits: { maxInstances: 1 },
  });
  for (let i = 0; i < 3; i++)
    expect([await module.invoke("f", "1"), module.invokeSync("f", "1")]).toEqual(['"raised"', '"raised"']);
});

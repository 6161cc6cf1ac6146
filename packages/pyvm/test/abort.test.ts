import { expect, test } from "vitest";
import { hasOwnGil, load, testIf } from "./guest.ts";

const STUBBORN: Record<string, string> = {
  "an endless loop": "while True: pass",
  "a loop that catches every exception":
    "while True:\n    try:\n      while True: pass\n    except BaseException: pass",
  "nested handlers":
    "while True:\n    try:\n      try:\n        while True: pass\n      except BaseException:\n        while True: pass\n    except BaseException: pass",
  "a finally block": "try:\n    while True: pass\n  finally:\n    while True: pass",
  "a recursive handler": "try:\n    while True: pass\n  except BaseException: f(v)",
  "a generator":
    "def g():\n    while True:\n      try: yield 1\n      except BaseException: pass\n  for x in g(): pass",
  "a comprehension": "import itertools\n  return [x for x in itertools.count() if x < 0]",
  "the callback of a regular expression":
    "import re\n  def g(m):\n    while True: pass\n  return re.sub('a', g, 'aaa')",
  "the key of a sort": "def k(x):\n    while True: pass\n  return sorted([2, 1], key=k)",
  "a context manager":
    "class C:\n    def __enter__(self): pass\n    def __exit__(self, *e): return True\n  while True:\n    with C():\n      while True: pass",
  "the text of its exception": "class E(Exception):\n    def __str__(self):\n      while True: pass\n  raise E",
  "the items of its result": "class D(dict):\n    def items(self):\n      while True: pass\n  return D(a=1)",
  "an import":
    "import sys\n  class F:\n    def find_spec(self, *a):\n      while True: pass\n  sys.meta_path.insert(0, F())\n  try: import nothing_of_that_name\n  finally: sys.meta_path.pop(0)",
};

const source = (body: string) => `def f(v):\n  ${body}\nn = 0\ndef g(v):\n  global n\n  n += 1\n  return n`;
const options = { exports: ["f", "g"], limits: { maxInstances: 1 } };

for (const [what, body] of Object.entries(STUBBORN)) {
  test(`a timeout stops ${what}, and the same interpreter serves the next call`, async () => {
    await using module = await load(source(body), options);
    await module.call("g");
    await expect(module.invoke("f", "1", { timeoutMs: 30 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(await module.call("g")).toBe(2);
    expect(module.stats().instancesCreated).toBe(1);
    expect(() => module.invokeSync("f", "1", { timeoutMs: 30 })).toThrow(
      expect.objectContaining({ code: "ERR_EXT_TIMEOUT" }),
    );
    expect(module.invokeSync("g", "1")).toBe("3");
  });
}

test("a signal stops a call with its reason", async () => {
  await using module = await load(source("while True: pass"), options);
  const controller = new AbortController();
  const call = module.invoke("f", "1", { signal: controller.signal });
  controller.abort(new Error("enough"));
  await expect(call).rejects.toThrow("enough");
  expect(await module.call("g")).toBe(1);
});

test("a call that is aborted while it waits never runs", async () => {
  await using module = await load(source("while True: pass"), options);
  const first = module.invoke("f", "1", { timeoutMs: 50 });
  const second = module.invoke("g", "1", { signal: AbortSignal.timeout(10) });
  await expect(second).rejects.toThrow();
  await expect(first).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
  expect(await module.call("g")).toBe(1);
});

test("a coroutine that sleeps is cancelled, one that spins or sleeps on is stopped, and the next one runs", async () => {
  const body = `
import asyncio
async def f(v):
    if v == "sleep": await asyncio.sleep(60)
    while v == "spin":
        try:
            while True: await asyncio.sleep(0)
        except BaseException: pass
    if v == "linger":
        try:
            while True: pass
        except BaseException: await asyncio.sleep(60)
    await asyncio.sleep(0)
    return v
`;
  await using module = await load(body, { limits: { maxInstances: 1 } });
  expect(await module.call("f", "first")).toBe("first");
  const stops = async (how: string) => {
    await expect(module.call("f", how, { timeoutMs: 30 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(await module.call("f", "next")).toBe("next");
  };
  await stops("sleep");
  await stops("sleep");
  expect(module.stats().instancesCreated).toBe(1);
  // What ignores its cancellation costs the loop, and so the instance.
  for (const how of ["spin", "linger", "spin", "linger"]) await stops(how);
  expect(module.stats().instancesCreated).toBeGreaterThan(1);
});

test("only the thread concerned is stopped: a guest's own thread goes on", async () => {
  const body = `
import threading, time
ticks = 0
stop = threading.Event()
def tick():
    global ticks
    while not stop.is_set():
        ticks += 1
        time.sleep(0.001)
def s(v): threading.Thread(target=tick).start()
def f(v):
    while True: pass
def g(v):
    before = ticks
    while ticks == before: time.sleep(0.001)
    return True
def h(v): stop.set()
`;
  await using module = await load(body, { exports: ["s", "f", "g", "h"], limits: { maxInstances: 1 } });
  await module.call("s");
  await expect(module.invoke("f", "1", { timeoutMs: 50 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
  expect(await module.call("g", 1, { timeoutMs: 10_000 })).toBe(true);
  await module.call("h");
});

test("a top level that does not end fails the load in time", async () => {
  const loading = load("while True: pass\ndef f(v): pass", { limits: { loadTimeoutMs: 50 } });
  await expect(loading).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
});

test("a call stuck in C is given up, and another interpreter serves on", async () => {
  await using module = await load(source("import time; time.sleep(v)"), { ...options, runtime: { graceMs: 50 } });
  await expect(module.call("f", 2, { timeoutMs: 30 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
  expect(await module.call("g")).toBe(1);
  expect(module.stats().instancesCreated).toBe(2);
});

test("only so many interpreters are set aside; then calls fail, until a stuck call returns", async () => {
  const body = `
import os, time
def f(v):
    with open(v, "rb") as pipe: pipe.read()
def g(v): return 1
`;
  const { mkdtempSync, openSync, closeSync } = await import("node:fs");
  const { execFileSync } = await import("node:child_process");
  const pipe = `${mkdtempSync("/tmp/pyvm-")}/pipe`;
  execFileSync("mkfifo", [pipe]);
  await using module = await load(body, {
    exports: ["f", "g"],
    limits: { maxInstances: 1 },
    runtime: { maxStuck: 1, graceMs: 50 },
  });
  await expect(module.call("f", pipe, { timeoutMs: 30 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
  await expect(module.call("g")).rejects.toMatchObject({
    code: "ERR_EXT_BUSY",
    message: expect.stringContaining("maxStuck"),
  });
  closeSync(openSync(pipe, "w"));
  // The stuck call returns now, and its interpreter is ended by its own thread.
  for (;;) {
    const answer = await module.call("g").catch((error: { code: string }) => error.code);
    if (answer === "ERR_EXT_BUSY") {
      await new Promise(setImmediate);
      continue;
    }
    expect(answer).toBe(1);
    break;
  }
});

test("close with abort ends a module whose calls would run for ever", async () => {
  const module = await load(source("while True: pass"), options);
  const call = expect(module.invoke("f", "1")).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
  await module.close({ abort: true });
  await call;
});

testIf(hasOwnGil)("a thousand aborts leave the interpreter whole", async () => {
  await using module = await load(source("try:\n    while True: pass\n  finally: pass"), options);
  for (let i = 0; i < 1000; i++) {
    await expect(module.invoke("f", "1", { timeoutMs: 1 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
  }
  expect(await module.call("g")).toBe(1);
  expect(module.stats().instancesCreated).toBe(1);
});

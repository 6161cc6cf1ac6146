import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pyvm } from "../src/index.ts";
import { cpython, hasOwnGil, load, recorder, testIf } from "./guest.ts";

test("invoke, invokeSync and call give the same answer", async () => {
  await using module = await load("def f(value): return {'twice': value * 2}");
  expect(await module.invoke("f", "21")).toBe('{"twice":42}');
  expect(module.invokeSync("f", "21")).toBe('{"twice":42}');
  expect(await module.call("f", "ab")).toEqual({ twice: "abab" });
});

test("a function that returns nothing gives null", async () => {
  await using module = await load("def f(value): pass");
  expect(await module.invoke("f", "1")).toBe("null");
  expect(module.invokeSync("f", "1")).toBe("null");
});

test("any callable at the top level can be exported", async () => {
  const source =
    "import functools\nclass C:\n  def __call__(self, v): return v + 1\nf = C()\ng = functools.partial(max, 5)";
  await using module = await load(source, { exports: ["f", "g"] });
  expect([await module.call("f", 1), await module.call("g", 9)]).toEqual([2, 9]);
});

test("globals last from call to call, and are those of one module", async () => {
  const source = "n = 0\ndef f(value):\n  global n\n  n += 1\n  return n";
  const limits = { maxInstances: 1 };
  await using a = await load(source, { limits });
  await using b = await load(source, { limits });
  expect([await a.call("f"), a.invokeSync("f", "0"), await a.call("f")]).toEqual([1, "2", 3]);
  expect(await b.call("f")).toBe(1);
});

test("a coroutine is awaited on a loop that lasts from call to call", async () => {
  const source = `
import asyncio
loops = set()
async def f(value):
    await asyncio.sleep(0.001)
    loops.add(id(asyncio.get_running_loop()))
    return [value, len(loops)]
`;
  await using module = await load(source, { limits: { maxInstances: 1 } });
  expect([await module.call("f", "a"), await module.call("f", "b")]).toEqual([
    ["a", 1],
    ["b", 1],
  ]);
});

test("a coroutine cannot be waited for on the calling thread", async () => {
  await using module = await load("async def f(value): return 1");
  expect(() => module.invokeSync("f", "1")).toThrow(expect.objectContaining({ code: "ERR_EXT_UNSUPPORTED" }));
  expect(await module.invoke("f", "1")).toBe("1");
});

test("what a guest prints and logs reaches the logger with its module's name, in order", async () => {
  const logger = recorder();
  const source = `
import logging, sys
print("at", "load")
def f(value):
    print("one\\ntwo")
    print("no newline", end="")
    print("error", file=sys.stderr)
    logging.getLogger("lib").warning("careful %s", value)
    logging.error("bad")
    logging.info("well")
    logging.debug("not shown")
`;
  await using module = await load(source, { logger, manifest: { name: "talker" } });
  await module.invoke("f", "1");
  const told = logger.lines.splice(0);
  expect(told).toEqual([
    "talker info at load",
    "talker info one",
    "talker info two",
    "talker info no newline",
    "talker error error",
    "talker warn lib: careful 1",
    "talker error root: bad",
    "talker info root: well",
  ]);
  module.invokeSync("f", "1");
  expect(logger.lines).toEqual(told.slice(1));
});

test("what a guest's own thread prints reaches the logger too", async () => {
  const logger = recorder();
  const source =
    "import threading\ndef f(v):\n  t = threading.Thread(target=lambda: print('from a thread'))\n  t.start(); t.join()";
  for (const interpreter of hasOwnGil ? (["isolated", "shared"] as const) : (["shared"] as const)) {
    await using module = await load(source, { logger, manifest: { name: interpreter, python: { interpreter } } });
    await module.invoke("f", "1");
  }
  expect(logger.lines).toEqual(
    hasOwnGil ? ["isolated info from a thread", "shared info from a thread"] : ["shared info from a thread"],
  );
});

test("an extension of several files imports them, and its manifest adds folders", async () => {
  const dir = mkdtempSync(join(tmpdir(), "pyvm-"));
  const more = mkdtempSync(join(tmpdir(), "pyvm-"));
  const manifest = { name: "several", runtime: "pyvm", module: "src/main.py", exports: ["f"] };
  const python = { path: [more], ...(hasOwnGil ? {} : { interpreter: "shared" }) };
  const { mkdirSync } = await import("node:fs");
  mkdirSync(join(dir, "src"));
  writeFileSync(join(dir, "extension.json"), JSON.stringify({ ...manifest, python }));
  writeFileSync(
    join(dir, "src/main.py"),
    "import helper, other\nfrom helper import twice\ndef f(v): return twice(v) + other.one",
  );
  writeFileSync(join(dir, "src/helper.py"), "def twice(v): return v * 2");
  writeFileSync(join(more, "other.py"), "one = 1");
  await using module = await pyvm({ python: cpython.library }).load(dir);
  expect(await module.call("f", 20)).toBe(41);
  // No surprise: nothing was written into the extension's folder.
  const { readdirSync } = await import("node:fs");
  expect(readdirSync(join(dir, "src")).sort()).toEqual(["helper.py", "main.py"]);
});

test("a file of the extension does not stand in for a module of the standard library", async () => {
  await using module = await load("import json\ndef f(v): return json.dumps(v)", { module: "json.py" });
  expect(await module.call("f", [1])).toBe("[1]");
});

test("dataclasses, pickle and enums work in a guest's module", async () => {
  const source = `
import dataclasses, pickle, enum, typing
class Color(enum.Enum):
    RED = "red"
@dataclasses.dataclass
class Point:
    x: int
    y: typing.Optional[int] = None
def f(v):
    p = pickle.loads(pickle.dumps(Point(v)))
    return [dataclasses.asdict(p), Color("red").value, typing.get_type_hints(Point)["x"].__name__]
`;
  await using module = await load(source);
  expect(await module.call("f", 3)).toEqual([{ x: 3, y: null }, "red", "int"]);
});

test("input() does not take Node's standard input", async () => {
  await using module = await load("def f(v):\n  try: input()\n  except RuntimeError as e: return str(e)");
  expect(await module.call("f")).toContain("sys.stdin");
});

testIf(hasOwnGil)("four interpreters work at the same time", async () => {
  // Each call waits until all four are inside: one after another they could not pass.
  const dir = mkdtempSync(join(tmpdir(), "pyvm-"));
  const source = `
import os
def f(v):
    open(os.path.join(v["dir"], str(v["n"])), "w").close()
    while len(os.listdir(v["dir"])) < 4: pass
    return v["n"]
`;
  await using module = await load(source, { limits: { maxInstances: 4 } });
  const answers = await Promise.all([0, 1, 2, 3].map((n) => module.call("f", { dir, n }, { timeoutMs: 60_000 })));
  expect(answers).toEqual([0, 1, 2, 3]);
});

test("a thousand calls that overlap all get their own answer", async () => {
  await using module = await load("def f(v): return v");
  const answers = await Promise.all(Array.from({ length: 1000 }, (_, n) => module.call<number>("f", n)));
  expect(answers).toEqual(Array.from({ length: 1000 }, (_, n) => n));
});

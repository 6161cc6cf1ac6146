import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ExtensionError } from "extruntime";
import { expect, test } from "vitest";
import { pyvm } from "../src/index.ts";
import { cpython, hasOwnGil, load } from "./guest.ts";

/** What a call of `f` fails with. */
async function failure(source: string, payload = "null"): Promise<ExtensionError> {
  await using module = await load(source);
  const error = await module.invoke("f", payload).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ExtensionError);
  return error as ExtensionError;
}

test("an exception tells its type, text and traceback with the guest's lines", async () => {
  const error = await failure("def g(v):\n  raise ValueError('no: %r' % v)\ndef f(v):\n  return g(v)", '"é"');
  expect(error.code).toBe("ERR_EXT_GUEST");
  expect(error.guest).toMatchObject({ name: "ValueError", message: "no: 'é'" });
  expect(error.message).toContain("ValueError: no: 'é'");
  expect(error.guest!.stack).toMatch(
    /Traceback[\s\S]*guest\.py>?", line 4, in f[\s\S]*return g\(v\)[\s\S]*line 2, in g/,
  );
  expect(error.guest!.stack).not.toContain("<pyvm>");
});

test("in the same words on the calling thread", async () => {
  await using module = await load("def f(v):\n  raise KeyError('k')");
  expect(() => module.invokeSync("f", "1")).toThrow(
    expect.objectContaining({
      code: "ERR_EXT_GUEST",
      guest: expect.objectContaining({ name: "KeyError", message: "'k'" }),
    }),
  );
});

test("chained causes are in the traceback", async () => {
  const source = "def f(v):\n  try: 1/0\n  except ZeroDivisionError as e: raise RuntimeError('outer') from e";
  const { guest } = await failure(source);
  expect(guest!.stack).toMatch(/ZeroDivisionError: division by zero[\s\S]*direct cause[\s\S]*RuntimeError: outer/);
});

test("the traceback of an extension with a folder names its file", async () => {
  const dir = mkdtempSync(join(tmpdir(), "pyvm-"));
  const manifest = { name: "folder", runtime: "pyvm", module: "main.py", exports: ["f"] };
  const python = hasOwnGil ? {} : { python: { interpreter: "shared" } };
  writeFileSync(join(dir, "extension.json"), JSON.stringify({ ...manifest, ...python }));
  writeFileSync(join(dir, "main.py"), "def f(v):\n  return v.missing");
  await using module = await pyvm({ python: cpython.library }).load(dir);
  await expect(module.invoke("f", "1")).rejects.toMatchObject({
    guest: { name: "AttributeError", stack: expect.stringMatching(/main\.py", line 2, in f\s+return v\.missing/) },
  });
});

for (const [what, body, name] of [
  ["SystemExit", "import sys; sys.exit(3)", "SystemExit"],
  ["KeyboardInterrupt", "raise KeyboardInterrupt", "KeyboardInterrupt"],
  ["endless recursion", "return f(v)", "RecursionError"],
  ["a lack of memory", "raise MemoryError", "MemoryError"],
  ["GeneratorExit", "raise GeneratorExit", "GeneratorExit"],
  ["an exception group", "raise BaseExceptionGroup('g', [ValueError(1), KeyboardInterrupt()])", "BaseExceptionGroup"],
] as const) {
  test(`${what} is a guest's error, and the module serves on`, async () => {
    await using module = await load(`def f(v):\n  ${body}\ndef g(v): return 1`, { exports: ["f", "g"] });
    for (let i = 0; i < 3; i++) {
      await expect(module.invoke("f", "1")).rejects.toMatchObject({ code: "ERR_EXT_GUEST", guest: { name } });
      expect(() => module.invokeSync("f", "1")).toThrow(expect.objectContaining({ code: "ERR_EXT_GUEST" }));
    }
    expect(await module.call("g")).toBe(1);
  });
}

test("an exception that cannot be printed is still told by its name", async () => {
  const { guest } = await failure("class E(Exception):\n  def __str__(self): raise ValueError\ndef f(v): raise E");
  expect(guest!.name).toBe("E");
});

test("a lone surrogate in a message does no harm", async () => {
  const { guest } = await failure("def f(v): raise ValueError('a\\ud800b')");
  expect(guest!.message).toBe("a?b");
});

test("a syntax error fails the load, with file, line and caret", async () => {
  await expect(load("def f(v):\n  return 1 +\n")).rejects.toMatchObject({
    code: "ERR_EXT_GUEST",
    guest: { name: "SyntaxError", stack: expect.stringMatching(/guest\.py>?", line 2\n\s+return 1 \+\n\s+\^/) },
  });
});

test("an exception of the top level fails the load", async () => {
  await expect(load("x = 1\nx.boom()\ndef f(v): pass")).rejects.toMatchObject({
    code: "ERR_EXT_GUEST",
    guest: { name: "AttributeError", stack: expect.stringContaining("line 2, in <module>") },
  });
});

test("a source that is not UTF-8 is a syntax error, and its own encoding is heeded", async () => {
  const dir = mkdtempSync(join(tmpdir(), "pyvm-"));
  const python = hasOwnGil ? {} : { python: { interpreter: "shared" } };
  writeFileSync(
    join(dir, "extension.json"),
    JSON.stringify({ name: "latin", runtime: "pyvm", module: "m.py", exports: ["f"], ...python }),
  );
  writeFileSync(join(dir, "m.py"), Buffer.from("def f(v): return '\xe9'", "latin1"));
  await expect(pyvm({ python: cpython.library }).load(dir)).rejects.toMatchObject({ guest: { name: "SyntaxError" } });
  writeFileSync(join(dir, "m.py"), Buffer.from("# coding: latin-1\ndef f(v): return '\xe9'", "latin1"));
  await using module = await pyvm({ python: cpython.library }).load(dir);
  expect(await module.call("f")).toBe("é");
});

test("an export that the code lacks fails the load", async () => {
  await expect(load("g = 1", { exports: ["f", "g"] })).rejects.toMatchObject({
    code: "ERR_EXT_UNKNOWN_FUNCTION",
    message: expect.stringMatching(/f, g/),
  });
});

test("what JSON cannot say is a bad result", async () => {
  for (const value of [
    "set()",
    "object()",
    "float('nan')",
    "[float('inf')]",
    "{(1, 2): 3}",
    "b'x'",
    "1j",
    "10 ** 5000",
  ]) {
    await expect(load(`def f(v): return ${value}`).then((module) => module.invoke("f", "1"))).rejects.toMatchObject({
      code: "ERR_EXT_BAD_RESULT",
    });
  }
  const circle = "def f(v):\n  a = []\n  a.append(a)\n  return a";
  expect((await failure(circle)).message).toContain("Circular reference");
});

test("a payload that is not JSON is refused before the guest runs", async () => {
  const source = "calls = 0\ndef f(v):\n  global calls\n  calls += 1\ndef count(v): return calls";
  await using module = await load(source, { exports: ["f", "count"], limits: { maxInstances: 1 } });
  for (const payload of [
    "",
    " ",
    "NaN",
    "[1,]",
    "{'a':1}",
    "Infinity",
    "-Infinity",
    '"\u0001"',
    "01",
    "nul",
    "\ufeff1",
    "1 2",
    "\0",
  ]) {
    await expect(module.invoke("f", payload)).rejects.toMatchObject({ code: "ERR_EXT_BAD_PAYLOAD" });
    expect(() => module.invokeSync("f", payload)).toThrow(expect.objectContaining({ code: "ERR_EXT_BAD_PAYLOAD" }));
  }
  expect(await module.call("count")).toBe(0);
});

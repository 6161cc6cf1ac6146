import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ExtensionError, ExtensionHost } from "extruntime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pywasm } from "../src/index.ts";
import { guest, load, recorder } from "./guest.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pywasm-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(path: string, content: string): string {
  const whole = join(folder, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, content);
  return whole;
}

const FILES = {
  "helper.py": "from package.deep.leaf import name",
  "json.py": "raise RuntimeError('not this one')",
  "package/__init__.py": "from .inner import inner",
  "package/inner.py": "inner = 'inner'",
  "package/deep/__init__.py": "",
  "package/deep/leaf.py": "from ..inner import inner\nname = inner + '!'",
  "plain/module.py": "name = 'plain'",
  "package/data/words.txt": "wörds",
};
const SOURCE = `
import json, helper, package, plain.module, importlib.resources, pkgutil, os
def f(v):
    files = importlib.resources.files(package)
    return [helper.name, package.inner, plain.module.name, json.dumps(v),
        files.joinpath("data/words.txt").read_text(encoding="utf-8"), pkgutil.get_data("package", "data/words.txt").decode(),
        open(os.path.join(os.path.dirname(__file__), "package/data/words.txt"), encoding="utf-8").read(),
        sorted(name for _, name, _ in pkgutil.iter_modules(package.__path__)), __name__, sorted(os.listdir("/"))]
`;
const EXPECTED = [
  "inner!",
  "inner",
  "plain",
  "1",
  "wörds",
  "wörds",
  "wörds",
  ["deep", "inner"],
  "guest",
  ["app", "lib"],
];

describe("the files of an extension", () => {
  test("in memory import each other and bring data, and never stand in for the standard library", async () => {
    await using module = await load(SOURCE, { files: FILES });
    expect(await module.call("f", 1)).toEqual(EXPECTED);
  });

  test("in a folder are the same", async () => {
    for (const [path, content] of Object.entries(FILES)) write(`extension/${path}`, content);
    write("extension/guest.py", SOURCE);
    write("extension/extension.json", JSON.stringify(guest("").manifest));
    await using module = await pywasm().load(join(folder, "extension"));
    const names = (await module.call<unknown[]>("f", 1)).slice(0, 9);
    expect(names).toEqual(EXPECTED.slice(0, 9));
  });

  test("are told in tracebacks, with their lines, and a syntax error with its place", async () => {
    const failure = async (source: string) =>
      (await load(source, { files: { "bad.py": "def g():\n  return 1 +" } })
        .then((module) => module.call("f"))
        .catch((error: unknown) => error)) as ExtensionError;
    const raised = await failure(
      "def f(v):\n  try: g()\n  except KeyError as e: raise ValueError('oh') from e\ndef g(): return {}['x']",
    );
    expect(raised).toMatchObject({ code: "ERR_EXT_GUEST", guest: { name: "ValueError", message: "oh" } });
    expect(raised.guest!.stack).toMatch(
      /File "\/app\/guest\.py", line 4, in g[\s\S]*KeyError: 'x'[\s\S]*direct cause[\s\S]*line 3, in f/,
    );
    expect(raised.guest!.stack).not.toContain("<extruntime>");
    const syntax = await failure("import bad\ndef f(v): pass");
    expect(syntax.guest).toMatchObject({ name: "SyntaxError" });
    expect(syntax.guest!.stack).toMatch(/File "\/app\/bad\.py", line 2/);
  });

  test("that lack an export are told so", async () => {
    await expect(load("g = 1", { exports: ["f"] })).rejects.toMatchObject({
      code: "ERR_EXT_UNKNOWN_FUNCTION",
      function: "f",
    });
  });
});

describe("python.path", () => {
  test("names folders of packages and of wheels, which are read once and cannot be changed", async () => {
    const packages = dirname(write("packages/friend/__init__.py", "from .more import name"));
    write("packages/friend/more.py", "name = 'friend'");
    write(
      "wheels/made/made/__init__.py",
      "import importlib.resources as r\nname = r.files(__name__).joinpath('a.txt').read_text()",
    );
    write("wheels/made/made/a.txt", "wheel");
    write("wheels/made/made-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: made\nVersion: 1.0\n");
    const wheels = join(folder, "wheels");
    const zip = "import shutil, sys; shutil.make_archive(sys.argv[1], 'zip', sys.argv[2])";
    const wheel = join(folder, "zipped");
    execFileSync("python3", ["-c", zip, join(wheel, "made-1.0-py3-none-any.whl"), join(wheels, "made")]);
    execFileSync("mv", [join(wheel, "made-1.0-py3-none-any.whl.zip"), join(wheel, "made-1.0-py3-none-any.whl")]);
    await using module = await load(
      `
import friend, made, importlib.metadata
def f(v):
    try: open(friend.__file__, "w")
    except OSError as error: return [friend.name, made.name, importlib.metadata.version("made"), type(error).__name__]
`,
      { manifest: { python: { path: [dirname(packages), wheel] } } },
    );
    expect(await module.call("f")).toEqual(["friend", "wheel", "1.0", "OSError"]);
  });
});

test("values of config come to the guest, each instance with a copy of its own", async () => {
  const source =
    "import extruntime\nfrom extruntime import config\ndef f(v): return [extruntime.config, config is extruntime.config]";
  await using module = await load(source, { manifest: { config: { a: [1, "é"] } }, config: { b: null } });
  expect(await module.call("f")).toEqual([{ a: [1, "é"], b: null }, true]);
  await using none = await load(source);
  expect(await none.call("f")).toEqual([{}, true]);
});

test("what a guest prints and logs is its module's output, by levels, and its top level's is there once", async () => {
  const logger = recorder();
  await using module = await load(
    `
import logging, sys
print("top")
def f(v):
    print("one\\ntwo"); print("err", file=sys.stderr); logging.getLogger("mine").warning("careful"); logging.debug("not this")
    sys.stdout.buffer.write("bÿtes\\n".encode()); print("rest", end="")
`,
    { logger, limits: { maxInstances: 2 } },
  );
  await Promise.all([module.call("f"), module.call("f")]);
  const once = ["info one", "info two", "error err", "warn mine: careful", "info bÿtes", "info rest"];
  expect(logger.lines).toEqual(["info top", ...once, ...once]);
});

test("a host finds it among the engines, and one line of a manifest moves an extension to it from pyvm", async () => {
  const fixtures = fileURLToPath(new URL("../../../fixtures/validate-email/", import.meta.url));
  const host = new ExtensionHost({ runtimes: [pywasm()] });
  const module = await host.load(join(fixtures, "pywasm"));
  expect(await module.call("validate", { email: "Ada@Example.com", age: 36 })).toEqual({
    ok: true,
    email: "ada@example.com",
    age: 36,
  });
  await host.close();
});

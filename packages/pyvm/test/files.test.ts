import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ExtensionError, ManifestInput, Module } from "extruntime";
import { describe, expect, test } from "vitest";
import { pyvm } from "../src/index.ts";
import { cpython, hasOwnGil, recorder } from "./guest.ts";

/** How the same extension can be loaded; its imports must not tell them apart. */
const ways = ["memory", "folder"].flatMap((place) =>
  (hasOwnGil ? (["isolated", "shared"] as const) : (["shared"] as const)).map((mode) => ({ place, mode })),
);

type Files = Record<string, string | Uint8Array>;

describe.each(ways)("the files of an extension from a $place, $mode", ({ place, mode }) => {
  async function load(files: Files, more: Partial<ManifestInput> = {}, options = {}): Promise<Module> {
    const manifest: ManifestInput = {
      name: "files",
      runtime: "pyvm",
      module: "main.py",
      exports: ["f"],
      limits: { maxInstances: 1 },
      python: { interpreter: mode },
      ...more,
    };
    const runtime = pyvm({ python: cpython.library });
    if (place === "memory") return runtime.load({ manifest, files }, options);
    const dir = mkdtempSync(join(tmpdir(), "pyvm-"));
    writeFileSync(join(dir, "extension.json"), JSON.stringify(manifest));
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), content);
    }
    return runtime.load(dir, options);
  }

  async function failure(files: Files): Promise<ExtensionError["guest"] & {}> {
    const error = (await load(files)
      .then(
        (module) => module.invoke("f", "1").finally(() => module.close()),
        (reason) => Promise.reject(reason),
      )
      .catch((reason: ExtensionError) => reason)) as ExtensionError;
    expect(error.code).toBe("ERR_EXT_GUEST");
    return error.guest!;
  }

  test("import each other: modules, packages, relative imports, folders without an __init__.py", async () => {
    await using module = await load({
      "main.py": `
import helper, package.inner as inner, package, os.path, plain.module
from package import *
from package.deep.leaf import name as leaf
def f(v):
    import late
    return [helper.name, package.name, inner.name, name, package.helper.name, leaf, plain.module.name, late.name]
`,
      "helper.py": "import json\nname = json.loads('\"helper\"')",
      "late.py": "from helper import name",
      "package/__init__.py": "from .inner import name\nimport helper\n__all__ = ['name']",
      "package/inner.py": "import helper\nname = helper.name + '!'",
      "package/deep/__init__.py": "",
      "package/deep/leaf.py": "from ..inner import name\nfrom .. import inner\nassert inner.name is name",
      "plain/module.py": "name = 'plain'",
    });
    expect(await module.call("f")).toEqual([
      "helper",
      "helper!",
      "helper!",
      "helper!",
      "helper",
      "helper!",
      "plain",
      "helper",
    ]);
  });

  test("may import the module that imports them, and its folder is where that lies", async () => {
    await using module = await load(
      {
        "src/main.py": "import helper\nlimit = 3\ndef f(v): return helper.limited(v)",
        "src/helper.py": "import main\ndef limited(v): return min(v, main.limit)",
        "helper.py": "raise RuntimeError('not this one')",
      },
      { module: "src/main.py" },
    );
    expect(await module.call("f", 5)).toBe(3);
  });

  test("never stand in for the standard library", async () => {
    await using module = await load({
      "main.py": "import json, helper\ndef f(v): return [json.dumps(v), helper.text(v)]",
      "json.py": "raise RuntimeError('not this one')",
      "helper.py": "import json\ndef text(v): return json.dumps(v)",
    });
    expect(await module.call("f", 1)).toEqual(["1", "1"]);
  });

  test("bring data", async () => {
    await using module = await load({
      "main.py": `
import importlib.resources, pkgutil, package
def f(v):
    files = importlib.resources.files(package)
    with importlib.resources.as_file(files / "data" / "words.txt") as path:
        copied = path.read_bytes()
    return [
        pkgutil.get_data("package" if v else package.__name__, "data/words.txt").decode(),
        files.joinpath("data/words.txt").read_text(encoding="utf-8"),
        (files / "data" / "words.txt").open("rb").read().decode(), copied.decode(),
        sorted(each.name for each in files.iterdir() if not each.name.startswith("__pycache__")),
        [files.joinpath("data").is_dir(), files.joinpath("data/words.txt").is_file(), files.joinpath("none").is_file()],
        sorted(name for _, name, _ in pkgutil.iter_modules(package.__path__)),
    ]
`,
      "package/__init__.py": "",
      "package/one.py": "",
      "package/two/__init__.py": "",
      "package/data/words.txt": "wörds",
    });
    expect(await module.call("f", 0)).toEqual([
      "wörds",
      "wörds",
      "wörds",
      "wörds",
      ["__init__.py", "data", "one.py", "two"],
      [true, true, false],
      ["one", "two"],
    ]);
  });

  test("are told in tracebacks, with their lines", async () => {
    const { stack } = await failure({
      "main.py": "from package.inner import deeper\ndef f(v):\n  return deeper(v)",
      "package/__init__.py": "",
      "package/inner.py": "class Odd(Exception): pass\ndef deeper(v):\n  # a comment\n  raise Odd('é')",
    });
    expect(stack).toMatch(/main\.py", line 3, in f\n {4}return deeper\(v\)/);
    expect(stack).toMatch(/package\/inner\.py", line 4, in deeper\n {4}raise Odd\('é'\)/);
    expect(stack).toMatch(/\npackage\.inner\.Odd: é\n$/);
    expect(stack).not.toMatch(/<pyvm>|frozen|@\d/);
  });

  test("fail to be imported as files of a folder do", async () => {
    const missing = await failure({ "main.py": "def f(v):\n  import nothing" });
    expect(missing).toMatchObject({ name: "ModuleNotFoundError", message: "No module named 'nothing'" });
    const below = await failure({ "main.py": "import helper.nothing", "helper.py": "" });
    expect(below.message).toBe("No module named 'helper.nothing'; 'helper' is not a package");
    const name = await failure({ "main.py": "from helper import nothing", "helper.py": "" });
    expect(name.message).toMatch(/^cannot import name 'nothing' from 'helper' \(.*helper\.py\)$/);
    const syntax = await failure({ "main.py": "import helper", "helper.py": "x = 1\ny = (\n" });
    expect(syntax.name).toBe("SyntaxError");
    expect(syntax.stack).toMatch(
      /main\.py", line 1, in <module>\n {4}import helper\n[\s\S]*helper\.py", line 2\n {4}y = \(\n {8}\^\n/,
    );
    for (const { stack } of [missing, below, name, syntax]) expect(stack).not.toMatch(/<pyvm>|frozen|@\d/);
  });

  test("belong to one extension: another has its own of the same name, and none of the first", async () => {
    const source =
      "import helper\ndef f(v):\n  import helper as again\n  from helper import name\n  return [helper.name, again.name, name]";
    const also = "\ndef g(v):\n  import only_here\n  return only_here.name";
    const exports = ["f", "g"];
    await using one = await load(
      { "main.py": source + also, "helper.py": "name = 1", "only_here.py": "name = 'one'" },
      { exports },
    );
    await using two = await load(
      { "main.py": source + also, "helper.py": "name = 2\ndef fail(): raise ValueError" },
      { exports },
    );
    expect(await Promise.all([one.call("f"), two.call("f")])).toEqual([
      [1, 1, 1],
      [2, 2, 2],
    ]);
    expect(await one.call("g")).toBe("one");
    await expect(two.call("g")).rejects.toMatchObject({ guest: { name: "ModuleNotFoundError" } });
  });

  test("are told with the lines of the one concerned, though another has the same names", async () => {
    const files = (word: string) => ({
      "main.py": "import helper\ndef f(v): helper.fail()",
      "helper.py": `def fail():\n  raise ValueError("${word}")`,
    });
    await using one = await load(files("one"));
    await using two = await load(files("two"));
    for (const [module, word] of [
      [one, "one"],
      [two, "two"],
      [one, "one"],
    ] as const)
      await expect(module.invoke("f", "1")).rejects.toMatchObject({
        guest: { stack: expect.stringContaining(`raise ValueError("${word}")`) },
      });
  });

  test("log under the names that they know themselves by", async () => {
    const logger = recorder();
    await using module = await load(
      {
        "main.py": "import helper\ndef f(v): helper.f()",
        "helper.py": "import logging\ndef f(): logging.getLogger(__name__).info('said')",
      },
      {},
      { logger },
    );
    await module.call("f");
    expect(logger.lines).toEqual(["files info helper: said"]);
  });
});

test("the files of an extension that was closed are forgotten by the shared interpreter", async () => {
  const source = (body: string) => ({
    manifest: {
      name: "closing",
      runtime: "pyvm",
      module: "main.py",
      exports: ["f"],
      limits: { maxInstances: 1 },
      python: { interpreter: "shared" as const },
    },
    files: { "main.py": body, "helper/__init__.py": "import helper.deep", "helper/deep.py": "" },
  });
  // CPython 3.13 without the GIL makes modules and functions immortal: there only the names go.
  const objects = cpython.freeThreaded ? "()" : "gc.get_objects()";
  const count = `
import gc, sys, linecache
def f(v):
    gc.collect()
    held = [*sys.modules, *sys.path, *sys.path_importer_cache, *linecache.cache]
    return [sum("closing" in name or "closed@" in name for name in held), sum(type(each).__name__ == "_Memory" for each in ${objects})]
`;
  const runtime = pyvm({ python: cpython.library });
  await using counter = await runtime.load(source(count));
  const before = await counter.call("f");
  for (let i = 0; i < 20; i++) {
    const module = await runtime.load(source("import helper\ndef f(v): raise ValueError"));
    await expect(module.call("f")).rejects.toThrow("ValueError");
    await module.close();
    await expect(runtime.load(source("import helper\nraise ValueError"))).rejects.toThrow("ValueError");
  }
  // A load that failed is cleared away behind the back of its caller.
  await expect.poll(() => counter.call("f")).toEqual(before);
});

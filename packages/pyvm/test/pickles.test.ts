import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Module } from "extruntime";
import { describe, expect, test } from "vitest";
import { pyvm } from "../src/index.ts";
import { cpython, hasOwnGil, load } from "./guest.ts";

const modes = hasOwnGil ? (["isolated", "shared"] as const) : (["shared"] as const);

const FEATURES = `
import abc, dataclasses, enum, typing
class Scaler:
    def __init__(self, by): self.by = by
    def __call__(self, v): return v * self.by
    class Inner: pass
class Colour(enum.Enum):
    RED = 1
@dataclasses.dataclass
class Point:
    x: "int"
    y: "typing.Optional[Scaler]" = None
class Base(abc.ABC): pass
class Other: pass
Base.register(Other)
Named = typing.NamedTuple("Named", [("a", int)])
def double(v): return v * 2
`;
/** Of a module whose file is features.py. */
const GUEST = `${FEATURES}
import base64, copy, functools, inspect, pickle, sys
from helper import Helped
from package.inner import Deep
import package.inner as inner
@functools.singledispatch
def kind(v): return "object"
@kind.register
def _(v: Scaler): return "scaler"
def values():
    return [Scaler(3), Scaler.Inner, Colour.RED, Point(1, Scaler(2)), Named(1), double, Helped(4), Deep(5), inner.make(), Other()]
def dump(v):
    return [base64.b64encode(pickle.dumps(each, protocol)).decode() for each in values() for protocol in (0, 2, 5)]
def read(v):
    return [tell(pickle.loads(base64.b64decode(each))) for each in v]
def tell(v):
    return [type(v).__module__, type(v).__qualname__, isinstance(v, (Scaler, Colour, Point, Named, Helped, Deep, Other)) or v in (Scaler.Inner, double), kind(v)]
def look(v):
    copied = copy.deepcopy(values())
    hints = typing.get_type_hints(Point)
    return [
        __name__, Scaler.__module__, Helped.__module__, Deep.__module__, Deep.__qualname__,
        copied[0](5), copied[2] is Colour.RED, hints["x"] is int, hints["y"] == typing.Optional[Scaler], isinstance(copied[-1], Base),
        inspect.getmodule(Scaler).Scaler is Scaler, inspect.getsource(double).strip(), inspect.getsource(Helped).splitlines()[0],
        sys.modules[__name__].double is double, vars(sys.modules[__name__]) is globals(), "double" in dir(sys.modules[__name__]),
        repr(Colour.RED), inspect.getfile(Scaler).endswith("features.py"),
    ]
def assign(v):
    sys.modules[__name__].assigned = v
    return assigned
`;
const FILES = {
  "helper.py": "class Helped:\n    def __init__(self, n): self.n = n",
  "package/__init__.py": "from . import inner",
  "package/inner.py":
    "from . import other\nclass Deep:\n    def __init__(self, n): self.n = n\ndef make(): return other.made()",
  "package/other.py": "from . import inner\ndef made(): return inner.Deep(6)",
};
const LOOK = [
  ...["features", "features", "helper", "package.inner", "Deep"],
  ...[15, true, true, true, true],
  ...[true, "def double(v): return v * 2", "class Helped:"],
  ...[true, true, true, "<Colour.RED: 1>", true],
];

describe.each(modes)("in the %s interpreter", (interpreter) => {
  const options = {
    module: "features.py",
    exports: ["dump", "read", "look", "assign"],
    files: FILES,
    manifest: { python: { interpreter } },
    limits: { maxInstances: 1 },
  };
  const loadFeatures = (): Promise<Module> => load(GUEST, options);

  test("a module has its file's name, and what asks modules by name finds it", async () => {
    await using module = await loadFeatures();
    await using again = await loadFeatures();
    for (const each of [module, again]) expect(await each.call("look")).toEqual(LOOK);
    expect([await module.call("assign", 1), await again.call("assign", 2), module.invokeSync("look", "1")]).toEqual([
      1,
      2,
      JSON.stringify(LOOK),
    ]);
  });

  test("what one instance pickles another reads, after a reload and in a synchronous call as well", async () => {
    const first = await loadFeatures();
    const pickled = await first.call<string[]>("dump");
    await using second = await loadFeatures();
    const told = await second.call<unknown[][]>("read", pickled);
    expect(new Set(told.map(([, , same]) => same))).toEqual(new Set([true]));
    expect(told[0]).toEqual(["features", "Scaler", true, "scaler"]);
    await first.close();
    await using third = await loadFeatures();
    expect(JSON.parse(third.invokeSync("read", JSON.stringify(pickled)))).toEqual(told);
    expect(await second.call("read", await third.call("dump"))).toEqual(told);
  });

  test("a pickle of an ordinary Python loads, and it loads one of ours", async () => {
    const dir = mkdtempSync(join(tmpdir(), "pyvm-"));
    writeFileSync(join(dir, "features.py"), FEATURES);
    const python = (code: string) =>
      execFileSync(cpython.executable, ["-c", `import base64, pickle, features\n${code}`], {
        cwd: dir,
        encoding: "utf8",
        env: { ...process.env, PYTHONPATH: dir },
      }).trim();
    const made = "[features.Scaler(3), features.Colour.RED, features.Point(1, features.Scaler(2)), features.double]";
    const pickled = python(`for v in ${made}: print(base64.b64encode(pickle.dumps(v)).decode())`).split("\n");
    await using module = await loadFeatures();
    expect(await module.call("read", pickled)).toEqual([
      ["features", "Scaler", true, "scaler"],
      ["features", "Colour", true, "object"],
      ["features", "Point", true, "object"],
      ["builtins", "function", true, "object"],
    ]);
    const [ours] = await module.call<string[]>("dump");
    expect(python(`print(pickle.loads(base64.b64decode("${ours}"))(14))`)).toBe("42");
  });

  test("a file that is named like a module of the standard library stands in for none", async () => {
    const source =
      "import pickle\nclass A: pass\ndef f(v):\n  import json, types\n  a = pickle.loads(pickle.dumps(A()))\n  return [type(a) is A, json.dumps(1), types.SimpleNamespace(a=1).a, __name__]";
    for (const stem of ["json", "types", "logging"]) {
      await using module = await load(source, { ...options, module: `${stem}.py`, exports: ["f"], files: {} });
      expect(await module.call("f")).toEqual([true, "1", 1, `extension_${stem}`]);
    }
    await using dotted = await load(source, { ...options, module: "a.b.py", exports: ["f"], files: {} });
    expect(await dotted.call("f")).toEqual([true, "1", 1, "a_b"]);
  });
});

describe("in the shared interpreter", () => {
  const manifest = { python: { interpreter: "shared" as const } };

  test("extensions whose files have one name pickle what is theirs, from libraries' code and threads as well", async () => {
    const source = (value: string) => `
import pickle, threading, importlib, copy
class Kept:
    value = "${value}"
def f(v):
    found = [pickle.loads(pickle._dumps(Kept())).value, pickle._loads(pickle.dumps(Kept())).value]
    thread = threading.Thread(target=lambda: found.append(pickle.loads(pickle.dumps(Kept())).value))
    thread.start()
    thread.join()
    found.append(importlib.import_module("helper").value)
    found.append(importlib.import_module("kept").Kept is Kept)
    return found`;
    const modules = await Promise.all(
      ["one", "two"].map((value) =>
        load(source(value), {
          module: "kept.py",
          files: { "helper.py": `value = "${value}"` },
          manifest,
          limits: { maxInstances: 1 },
        }),
      ),
    );
    for (let i = 0; i < 3; i++)
      expect(await Promise.all(modules.map((module) => module.call("f")))).toEqual(
        ["one", "two"].map((value) => [value, value, value, value, true]),
      );
    await modules[0]!.close();
    expect(await modules[1]!.call("f")).toEqual(["two", "two", "two", "two", true]);
    await modules[1]!.close();
  });

  test("a module that is installed stays what it is for those that have no file of its name", async () => {
    const dir = mkdtempSync(join(tmpdir(), "pyvm-"));
    writeFileSync(join(dir, "wheel_of.py"), "value = 'installed'\nclass A: pass");
    writeFileSync(join(dir, "user_of.py"), "def get():\n  import wheel_of\n  return wheel_of.value");
    const own = "import wheel_of, user_of, pickle\ndef f(v): return [wheel_of.value, user_of.get()]";
    const files = { "wheel_of.py": "value = 'own'" };
    const python = { interpreter: "shared" as const, path: [dir] };
    await using a = await load(own, { files, manifest: { python } });
    expect((await a.call<string[]>("f"))[0]).toBe("own");
    await using b = await load(own, { manifest: { python } });
    expect(await b.call("f")).toEqual(["installed", "installed"]);
    expect((await a.call<string[]>("f"))[0]).toBe("own");
    await a.close();
    expect(await b.call("f")).toEqual(["installed", "installed"]);
  });

  test("a process that multiprocessing starts knows the module by its name", async () => {
    const dir = mkdtempSync(join(tmpdir(), "pyvm-"));
    const source = `
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
class Twice:
    def __init__(self, v): self.v = 2 * v
def f(v):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        made = pool.submit(Twice, v).result()
    return [type(made) is Twice, made.v]`;
    writeFileSync(join(dir, "spawning.py"), source);
    const described = { name: "spawning", runtime: "pyvm", module: "spawning.py", exports: ["f"], ...manifest };
    writeFileSync(join(dir, "extension.json"), JSON.stringify(described));
    await using module = await pyvm({ python: cpython.library }).load(dir);
    expect(await module.call("f", 21)).toEqual([true, 42]);
  });

  test("loggers of one name are each module's own", async () => {
    const source = `
import logging
heard = []
class Hears(logging.Handler):
    def emit(self, record): heard.append([record.name, record.getMessage()])
logger = logging.getLogger(__name__)
logger.addHandler(Hears())
def f(v):
    logging.getLogger(__name__).info("said %s", v)
    return [heard, logger.name, logger.getChild("x").name, logger.getChild("x").parent is logger]`;
    const modules = await Promise.all([1, 2].map(() => load(source, { manifest, limits: { maxInstances: 1 } })));
    for (const [i, module] of modules.entries())
      expect(await module.call("f", i)).toEqual([[["guest", `said ${i}`]], "guest", "guest.x", true]);
    for (const module of modules) await module.close();
  });
});

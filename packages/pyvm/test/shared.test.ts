import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pyvm } from "../src/index.ts";
import { cpython, hasOwnGil, load, numpyFolder, recorder, testIf } from "./guest.ts";

const shared = { python: { interpreter: "shared" as const } };
const numpy = numpyFolder();

test("without a setting a module gets an interpreter of its own, or where CPython has none, is told of the shared one", async () => {
  const source = "import sys\ndef f(v):\n  seen = hasattr(sys, 'seen')\n  sys.seen = True\n  return seen";
  const manifest = { name: "guest", runtime: "pyvm", module: "guest.py", exports: ["f"] };
  const loading = pyvm({ python: cpython.library }).load({ manifest, files: { "guest.py": source } });
  if (hasOwnGil) {
    await using module = await loading;
    await using other = await load(source, { manifest: shared });
    await other.call("f");
    expect([await module.call("f"), await other.call("f")]).toEqual([false, true]);
  } else {
    await expect(loading).rejects.toMatchObject({
      code: "ERR_EXT_UNSUPPORTED",
      message: expect.stringMatching(/CPython 3\.11 has no .*"python": \{ "interpreter": "shared" \}.*PYVM_PYTHON/),
    });
  }
});

test("modules of the shared interpreter have namespaces of their own", async () => {
  const source = "import sys\nn = 0\ndef f(v):\n  global n\n  n += 1\n  return n";
  await using a = await load(source, { manifest: shared, limits: { maxInstances: 1 } });
  await using b = await load(source, { manifest: shared, limits: { maxInstances: 1 } });
  expect([await a.call("f"), await a.call("f"), await b.call("f")]).toEqual([1, 2, 1]);
});

test("a module that was closed is forgotten by the shared interpreter", async () => {
  const source = "import sys\ndef f(v): return sum(name.startswith('guest@') for name in sys.modules)";
  await using module = await load(source, { manifest: shared, limits: { maxInstances: 1 } });
  const before = await module.call("f");
  const others = await Promise.all(Array.from({ length: 20 }, () => load(source, { manifest: shared })));
  expect(await module.call<number>("f")).toBeGreaterThan(before as number);
  await Promise.all(others.map((other) => other.close()));
  expect(await module.call("f")).toBe(before);
});

test("two extensions of the shared interpreter may have files of the same name", async () => {
  const answers = await Promise.all(
    ["one", "two"].map(async (name) => {
      const dir = mkdtempSync(join(tmpdir(), "pyvm-"));
      writeFileSync(join(dir, "helper.py"), `name = "${name}"`);
      writeFileSync(
        join(dir, "guest.py"),
        "import helper\ndef f(v):\n  import helper as again\n  return [helper.name, again.name]",
      );
      const manifest = { name, runtime: "pyvm", module: "guest.py", exports: ["f"], ...shared };
      writeFileSync(join(dir, "extension.json"), JSON.stringify(manifest));
      await using module = await pyvm({ python: cpython.library }).load(dir);
      return module.call("f");
    }),
  );
  expect(answers).toEqual([
    ["one", "one"],
    ["two", "two"],
  ]);
});

test("calls of the shared interpreter are stopped one by one", async () => {
  const source = "def f(v):\n  while v:\n    try:\n      while True: pass\n    except BaseException: pass\n  return v";
  await using module = await load(source, { manifest: shared, limits: { maxInstances: 2 } });
  const stuck = expect(module.call("f", 1, { timeoutMs: 100 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
  expect(await module.call("f", 0)).toBe(0);
  await stuck;
  expect(await module.call("f", 0)).toBe(0);
});

test.runIf(numpy !== undefined)(
  "numpy works with real arrays, in several modules and after one is closed",
  async () => {
    const source = `
import numpy as np
def f(v):
    a = np.array(v["matrix"], dtype=np.float64)
    return {"product": (a @ a.T).tolist(), "norm": float(np.linalg.norm(a)), "sum": int(np.arange(1000).sum())}
`;
    const manifest = { python: { interpreter: "shared" as const, path: [numpy!] } };
    for (let i = 0; i < 2; i++) {
      await using a = await load(source, { manifest });
      await using b = await load(source, { manifest });
      const expected = {
        product: [
          [5, 11],
          [11, 25],
        ],
        norm: Math.sqrt(30),
        sum: 499500,
      };
      const answers = await Promise.all(
        [a, b].map((module) =>
          module.call("f", {
            matrix: [
              [1, 2],
              [3, 4],
            ],
          }),
        ),
      );
      expect(answers).toEqual([expected, expected]);
      expect(JSON.parse(a.invokeSync("f", '{"matrix":[[1,2],[3,4]]}'))).toEqual(expected);
    }
  },
);

(hasOwnGil ? test.runIf(numpy !== undefined) : testIf(false))(
  "an isolated module that needs numpy is told of the shared interpreter",
  async () => {
    const loading = load("import numpy\ndef f(v): pass", { manifest: { python: { path: [numpy!] } } });
    await expect(loading).rejects.toMatchObject({
      code: "ERR_EXT_GUEST",
      message: expect.stringContaining('"interpreter": "shared"'),
    });
  },
);

test.runIf(numpy !== undefined)("what numpy gives that is not JSON is a bad result", async () => {
  await using module = await load("import numpy as np\ndef f(v): return np.float32(1.5) if v else np.array([1])", {
    manifest: { python: { interpreter: "shared", path: [numpy!] } },
  });
  await expect(module.call("f", 0)).rejects.toMatchObject({ code: "ERR_EXT_BAD_RESULT" });
  await expect(module.call("f", 1)).rejects.toMatchObject({ code: "ERR_EXT_BAD_RESULT" });
});

testIf(cpython.freeThreaded)("without a GIL, calls of the shared interpreter run at the same time", async () => {
  // Each call waits in C for the other three: with one thread at a time, none would pass.
  const source =
    "import threading, sys\nb = sys.__dict__.setdefault('_barrier', threading.Barrier(4))\ndef f(v):\n  b.wait()\n  return v";
  await using module = await load(source, { manifest: shared, limits: { maxInstances: 4 } });
  expect(await Promise.all([0, 1, 2, 3].map((n) => module.call("f", n)))).toEqual([0, 1, 2, 3]);
});

test("the files of an extension import each other, packages and relative imports included", async () => {
  const dir = mkdtempSync(join(tmpdir(), "pyvm-"));
  mkdirSync(join(dir, "package"));
  writeFileSync(join(dir, "package", "__init__.py"), "from .inner import name\nimport helper");
  writeFileSync(join(dir, "package", "inner.py"), "import helper\nname = helper.name + '!'");
  writeFileSync(join(dir, "helper.py"), "import json\nname = json.loads('\"h\"')");
  writeFileSync(
    join(dir, "guest.py"),
    "import package.inner as inner, package, os.path\nfrom package import *\ndef f(v): return [package.name, inner.name, name, package.helper.name]",
  );
  const manifest = { name: "files", runtime: "pyvm", module: "guest.py", exports: ["f"] };
  for (const python of hasOwnGil ? [shared, {}] : [shared]) {
    writeFileSync(join(dir, "extension.json"), JSON.stringify({ ...manifest, ...python }));
    await using module = await pyvm({ python: cpython.library }).load(dir);
    expect(await module.call("f")).toEqual(["h!", "h!", "h!", "h"]);
  }
});

test("what a module's threads say goes to its own logger, whatever they run", async () => {
  const source = `
import queue, threading, logging, logging.handlers, concurrent.futures
pool = concurrent.futures.ThreadPoolExecutor(1)
def fails(): raise ValueError("in a thread")
def f(v):
    for target, args in ((print, (f"printed {v}",)), (fails, ())):
        thread = threading.Thread(target=target, args=args)
        thread.start()
        thread.join()
    timer = threading.Timer(0, print, (f"timed {v}",))
    timer.start()
    timer.join()
    pool.submit(print, f"pooled {v}").result()
    lines = queue.Queue()
    listener = logging.handlers.QueueListener(lines, *logging.getLogger().handlers)
    listener.start()
    lines.put(logging.LogRecord("queued", 20, "", 0, f"listened {v}", (), None))
    listener.stop()
`;
  const loggers = [recorder(), recorder()];
  const modules = await Promise.all(
    loggers.map((logger, i) =>
      load(source, {
        manifest: { name: `m${i}`, python: { interpreter: "shared" } },
        limits: { maxInstances: 1 },
        logger,
      }),
    ),
  );
  await Promise.all(modules.map((module, i) => module.call("f", i)));
  await Promise.all(modules.map((module) => module.close()));
  loggers.forEach(({ lines }, i) => {
    const text = lines.join("\n");
    for (const said of [`printed ${i}`, `timed ${i}`, `pooled ${i}`, `listened ${i}`, "ValueError: in a thread"])
      expect(text).toContain(said);
    expect(lines.every((line) => line.startsWith(`m${i} `))).toBe(true);
    expect(text).not.toContain(`printed ${1 - i}`);
  });
});

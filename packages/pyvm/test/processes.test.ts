import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pyvm } from "../src/index.ts";
import { cpython, guest, hasOwnGil, load, smallPackages, testIf } from "./guest.ts";

/** Built: a process imports it by itself. */
type Pyvm = typeof pyvm;
const built = (await import(new URL("../dist/index.js", import.meta.url).href)) as { pyvm: Pyvm };

const MODES = hasOwnGil ? (["isolated", "shared"] as const) : (["shared"] as const);

test.each(MODES)("a fork is refused with what works, and subprocess works (%s)", async (interpreter) => {
  const source = `
import os, subprocess, sys
def f(v):
    refused = []
    for fork in (os.fork, os.forkpty):
        try: fork()
        except RuntimeError as error: refused.append("spawn" in str(error) and "subprocess" in str(error))
    out = subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, text=True).stdout
    return refused, out.strip()
`;
  await using module = await load(source, { manifest: { python: { interpreter } } });
  expect(await module.call("f")).toEqual([[true, true], "42"]);
});

test("multiprocessing spawns by default, and its pools work in the shared interpreter", async () => {
  const source = `
import concurrent.futures, math, multiprocessing
def f(v):
    with multiprocessing.Pool(2) as pool: made = pool.map(math.factorial, [3, 4])
    with concurrent.futures.ProcessPoolExecutor(1) as pool: made.append(pool.submit(math.factorial, 5).result())
    return multiprocessing.get_start_method(), made
def g(v):
    try: multiprocessing.get_context("fork").Pool(2)
    except RuntimeError as error: return str(error)
`;
  await using module = await load(source, {
    exports: ["f", "g"],
    manifest: { python: { interpreter: "shared" } },
    limits: { maxInstances: 1 },
  });
  expect(await module.call("f")).toEqual(["spawn", [6, 24, 120]]);
  expect(await module.call("g")).toMatch(/os\.fork\(\) is refused.*spawn/);
});

testIf(hasOwnGil && cpython.version !== "3.12")("a daemon thread is refused with the setting that helps", async () => {
  const source = "import threading\ndef f(v): threading.Thread(target=print, daemon=True).start()";
  await using module = await load(source);
  await expect(module.call("f")).rejects.toMatchObject({
    message: expect.stringMatching(/daemon.*"interpreter": "shared"/s),
  });
});

testIf(hasOwnGil)("a guest makes and ends interpreters of its own", async () => {
  const source = `
def f(v):
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    for _ in range(3):
        made = interpreters.create()
        run = getattr(interpreters, "exec", None) or interpreters.run_string
        run(made, "kept = [str(number) for number in range(100_000)]")
        interpreters.destroy(made)
    return True
`;
  for (const interpreter of MODES) {
    await using module = await load(source, { manifest: { python: { interpreter } }, limits: { maxInstances: 1 } });
    expect([await module.call("f"), await module.call("f")]).toEqual([true, true]);
  }
});

testIf(hasOwnGil)("threads that wait for work end with their module", async () => {
  const source = `
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(2)
def f(v): return pool.submit(lambda: v + 1).result()
`;
  const module = await load(source, { limits: { maxInstances: 1 } });
  expect(await module.call("f", 1)).toBe(2);
  await module.close();
});

/** A virtual environment with the module `in_venv`, and a folder for `python.path` with `in_path`. */
const folder = mkdtempSync(join(tmpdir(), "pyvm-processes-"));
const venv = join(folder, "venv");
const path = join(folder, "path");

beforeAll(() => {
  execFileSync(cpython.executable, ["-m", "venv", "--without-pip", venv]);
  const name = `python${cpython.version}${cpython.freeThreaded ? "t" : ""}`;
  writeFileSync(join(venv, "lib", name, "site-packages", "in_venv.py"), "def double(number): return 2 * number");
  mkdirSync(path);
  writeFileSync(join(path, "in_path.py"), "import in_venv\ndef double(number): return in_venv.double(number)");
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

const POOLS = `
import concurrent.futures, multiprocessing, os, subprocess, sys
import in_path
def f(v):
    with multiprocessing.Pool(2) as pool: made = pool.map(in_path.double, [1, 2])
    with concurrent.futures.ProcessPoolExecutor(1) as pool: made += pool.map(in_path.double, [3])
    out = subprocess.run([sys.executable, "-c", "import in_path; print(in_path.double(4))"], capture_output=True, text=True).stdout
    try: os.fork()
    except RuntimeError as error: refused = "spawn" in str(error)
    return [*made, int(out), refused]
def where(v): return [sys.executable, sys.prefix, sys.exec_prefix]
`;

test.each(["inline", "thread", "process"] as const)(
  "pools of processes see the packages of python.venv and python.path (%s)",
  async (placement) => {
    const make = placement === "inline" ? pyvm : built.pyvm;
    await using runtime = make({ python: cpython.library, placement });
    const manifest = { python: { interpreter: "shared" as const, venv, path: [path] } };
    const module = await runtime.load(
      guest(POOLS, { exports: ["f", "where"], manifest: { ...manifest, limits: { maxInstances: 1 } } }),
    );
    expect(await module.call("f")).toEqual([2, 4, 6, 8, true]);
    expect(await module.call("where")).toEqual([join(venv, "bin", "python"), venv, venv]);
  },
);

testIf(hasOwnGil)(
  "an isolated interpreter is its virtual environment's, and so are the Pythons that it starts",
  async () => {
    const source = `
import subprocess, sys
def f(v):
    code = "import in_path, sys; print(in_path.double(4), sys.prefix)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    return [sys.executable, sys.prefix, out.split()]
`;
    await using module = await load(source, { manifest: { python: { venv, path: [path] } } });
    expect(await module.call("f")).toEqual([join(venv, "bin", "python"), venv, ["8", venv]]);
  },
);

testIf(hasOwnGil && cpython.version !== "3.12")(
  "a pool that an isolated interpreter cannot have names the setting",
  async () => {
    const source = `
import concurrent.futures, math, multiprocessing
def f(v):
    with concurrent.futures.ProcessPoolExecutor(1) as pool: return pool.submit(math.factorial, 3).result()
def g(v): multiprocessing.Pool(1)
`;
    await using module = await load(source, { exports: ["f", "g"], limits: { maxInstances: 1 } });
    for (const fn of ["f", "g"])
      await expect(module.call(fn)).rejects.toMatchObject({
        message: expect.stringMatching(/daemon.*"interpreter": "shared"/is),
      });
  },
);

test.runIf(smallPackages !== undefined)("joblib runs its functions in processes of its own", async () => {
  const source = `
import joblib
from joblib.externals.loky import get_reusable_executor
def f(v):
    try: return joblib.Parallel(n_jobs=2)(joblib.delayed(lambda number: number * number)(number) for number in v)
    finally: get_reusable_executor().shutdown(wait=True)
`;
  await using module = await load(source, {
    manifest: { python: { interpreter: "shared", path: [smallPackages!] } },
    limits: { maxInstances: 1 },
  });
  expect(await module.call("f", [1, 2, 3])).toEqual([1, 4, 9]);
});

test("a child has its output and errors, and no input, and its parent's streams stay as they are", async () => {
  const source = `
import subprocess
def f(v):
    subprocess.run(["sh", "-c", "test -e /dev/fd/1 && test -e /dev/fd/2"], check=True)
    return subprocess.run(["cat"], stdout=subprocess.PIPE).stdout.decode() + subprocess.run(["cat"], input=b"given", stdout=subprocess.PIPE).stdout.decode()
`;
  for (const interpreter of MODES) {
    await using module = await load(source, { manifest: { python: { interpreter } } });
    expect(await module.call("f")).toBe("given");
  }
});

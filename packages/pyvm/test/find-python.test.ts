import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { pyvmEngine } from "../src/engine.ts";
import { findPython, shortestWay } from "../src/find-python.ts";
import { pyvm } from "../src/index.ts";
import { cpython, guest, hasOwnGil } from "./guest.ts";

const before = { ...process.env };
beforeEach(() => {
  delete process.env.PYVM_PYTHON;
});
afterEach(() => {
  process.env = { ...before };
});

/** A folder with an executable of that name that prints what it is told to. */
function fake(name: string, prints: string): string {
  const dir = mkdtempSync(join(tmpdir(), "pyvm-"));
  writeFileSync(join(dir, name), `#!/bin/sh\necho '${prints}'\n`);
  chmodSync(join(dir, name), 0o755);
  return dir;
}

const told = {
  implementation: "cpython",
  version: [3, 13],
  libraries: [],
  shared: true,
  freeThreaded: false,
  executable: "/x",
};

test("an executable and its library lead to the same CPython", () => {
  expect(findPython({ python: cpython.executable })).toEqual(cpython);
  expect(findPython({ python: cpython.library })).toMatchObject({ library: cpython.library, version: cpython.version });
});

test("PYVM_PYTHON goes before the PATH, and the option before both", () => {
  process.env.PYVM_PYTHON = cpython.executable;
  process.env.PATH = "";
  expect(findPython()).toEqual(cpython);
  process.env.PYVM_PYTHON = "/nowhere/python3";
  expect(() => findPython()).toThrow(/\/nowhere\/python3 \(PYVM_PYTHON\): there is no such file/);
  expect(findPython({ python: cpython.executable })).toEqual(cpython);
});

test("static builds, other implementations, other versions and broken ones are passed over, with the reason", () => {
  const folders = [
    fake("python3.14", JSON.stringify({ ...told, shared: false })),
    fake("python3.13", JSON.stringify({ ...told, implementation: "pypy" })),
    fake("python3.12", JSON.stringify({ ...told, version: [3, 10] })),
    fake("python3.11", JSON.stringify({ ...told, libraries: ["/nowhere/libpython3.13.so"] })),
    fake("python3", "nonsense"),
  ];
  const real = mkdtempSync(join(tmpdir(), "pyvm-"));
  writeFileSync(join(real, "python3"), `#!/bin/sh\nexec ${cpython.executable} "$@"\n`);
  chmodSync(join(real, "python3"), 0o755);
  process.env.PATH = [...folders, real].join(":");
  expect(findPython()).toEqual(cpython);

  const errors = folders.map((dir) => {
    const name = readdirSync(dir)[0]!;
    try {
      return findPython({ python: join(dir, name) });
    } catch (error) {
      return (error as Error).message.split("\n")[1];
    }
  });
  expect(errors).toEqual([
    expect.stringContaining("static build"),
    expect.stringContaining("it is pypy"),
    expect.stringContaining("it is CPython 3.10, and pyvm loads 3.11 to 3.14"),
    expect.stringContaining("apt-get install libpython3.13"),
    expect.stringContaining("did not tell about itself"),
  ]);
});

test("without any, load fails with what was tried and how to install one", async () => {
  const runtime = pyvm({ python: "/nowhere/python3.13" });
  expect(runtime.unavailable).toContain("/nowhere/python3.13");
  await expect(runtime.load(guest("def f(v): pass"))).rejects.toMatchObject({
    code: "ERR_EXT_UNSUPPORTED",
    message: expect.stringMatching(/Tried:[\s\S]*\/nowhere\/python3\.13[\s\S]*apt-get[\s\S]*dnf[\s\S]*brew/),
  });
});

test("a library that is no CPython is refused", async () => {
  const dir = mkdtempSync(join(tmpdir(), "pyvm-"));
  const library = join(dir, "libpython3.13.so");
  writeFileSync(library, "not a library");
  await expect(pyvm({ python: library }).load(guest("def f(v): pass"))).rejects.toMatchObject({
    code: "ERR_EXT_UNSUPPORTED",
  });
});

test("options that are not as they must be are refused", () => {
  expect(() => pyvm({ maxStuck: 0 })).toThrow(TypeError);
  expect(() => pyvm({ graceMs: -1 })).toThrow(TypeError);
  expect(() => pyvm({ graceMs: Number.NaN })).toThrow(TypeError);
  expect(() => pyvm({ environment: "yes" as never })).toThrow(TypeError);
  expect(() => pyvm({ allocator: "other" as never })).toThrow(TypeError);
  expect(() => pyvm({ python: 3 as never })).toThrow(TypeError);
});

test("a virtual environment's packages are found, and one of another version is refused", async () => {
  const dir = mkdtempSync(join(tmpdir(), "pyvm-"));
  execFileSync(cpython.executable, ["-m", "venv", "--without-pip", join(dir, "venv")]);
  const threads = cpython.freeThreaded ? "t" : "";
  const packages = join(dir, "venv", "lib", `python${cpython.version}${threads}`, "site-packages");
  writeFileSync(join(packages, "installed.py"), "answer = 42");
  mkdirSync(join(dir, "more"));
  writeFileSync(join(dir, "more", "added.py"), "answer = 43");
  writeFileSync(join(packages, "more.pth"), join(dir, "more"));
  const manifest = (venv: string) => ({
    name: "venv",
    runtime: "pyvm",
    module: "m.py",
    exports: ["f"],
    python: { venv, ...(hasOwnGil ? {} : { interpreter: "shared" }) },
  });
  writeFileSync(
    join(dir, "m.py"),
    "import installed, added, sys\ndef f(v): return [installed.answer, added.answer, sys.prefix]",
  );
  writeFileSync(join(dir, "extension.json"), JSON.stringify(manifest("venv")));
  const runtime = pyvm({ python: cpython.executable });
  await using module = await runtime.load(dir);
  expect(await module.call("f")).toEqual([42, 43, hasOwnGil ? join(dir, "venv") : expect.any(String)]);

  mkdirSync(join(dir, "old"));
  writeFileSync(join(dir, "old", "pyvenv.cfg"), "home = /usr/bin\nversion = 3.9.1\n");
  writeFileSync(join(dir, "extension.json"), JSON.stringify(manifest("old")));
  await expect(runtime.load(dir)).rejects.toMatchObject({
    code: "ERR_EXT_BAD_MANIFEST",
    message: expect.stringContaining("3.9"),
  });
  writeFileSync(join(dir, "extension.json"), JSON.stringify(manifest("none")));
  await expect(runtime.load(dir)).rejects.toMatchObject({
    code: "ERR_EXT_BAD_MANIFEST",
    message: expect.stringContaining("-m venv"),
  });
});

test("an executable that serves is run once, and workers are told the library where that leads to the same", () => {
  const dir = mkdtempSync(join(tmpdir(), "pyvm-"));
  const python = join(dir, "python3");
  writeFileSync(python, `#!/bin/sh\necho run >>${dir}/runs\nexec ${cpython.executable} "$@"\n`);
  chmodSync(python, 0o755);
  for (let i = 0; i < 3; i++) expect(findPython({ python })).toEqual(cpython);
  expect(readFileSync(join(dir, "runs"), "utf8")).toBe("run\n");
  expect(findPython({ python: shortestWay(cpython) })).toEqual(cpython);
  expect(pyvmEngine({ python }).origin?.options).toMatchObject({ python: shortestWay(cpython) });
});

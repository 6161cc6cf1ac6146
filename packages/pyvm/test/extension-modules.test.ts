import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Module } from "extruntime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cpython, hasOwnGil, load, smallPackages, testIf } from "./guest.ts";

const folder = mkdtempSync(join(tmpdir(), "pyvm-extension-modules-"));
const KINDS = { imports: 1, raises: 2, either: 3, fails: 4, isolated: 5 };
const SHARED_SETTING = /set "python": \{ "interpreter": "shared" \}/;
const source = `
def f(v):
    try: return __import__(v).__name__
    except ImportError as error: return str(error)
def failing(v): __import__(v)
def lacking(v):
    import package_without
    return package_without.f()
def without(v):
    import package_without
    return package_without.work
def named(v): from package_without import work
`;

let modules: Module[];

beforeAll(async () => {
  const file = fileURLToPath(new URL("extension-module.c", import.meta.url));
  for (const [name, kind] of Object.entries(KINDS)) {
    // 3.12 knows no slot for the GIL.
    const defined = {
      NAME: name,
      KIND: kind,
      HEAD: cpython.freeThreaded ? 32 : 16,
      GIL_SLOT: cpython.version === "3.12" ? 0 : 4,
    };
    const flags = Object.entries(defined).map(([key, value]) => `-D${key}=${value}`);
    const undefinedSymbols = process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : [];
    const out = join(folder, `${name}.so`);
    execFileSync(process.env.CC ?? "cc", ["-shared", "-fPIC", ...undefinedSymbols, ...flags, file, "-o", out]);
  }
  writeFileSync(join(folder, "companion.py"), "found = True");
  // As polars does: it takes no for an answer, and has no more than a warning to say of it.
  writeFileSync(
    join(folder, "package_without.py"),
    "try: from raises import work\nexcept ImportError: pass\ndef f(): return work()",
  );
  const python = { path: [folder] };
  const options = { exports: ["f", "failing", "lacking", "without", "named"], limits: { maxInstances: 1 } };
  modules = hasOwnGil
    ? [
        await load(source, { ...options, manifest: { python } }),
        await load(source, { ...options, manifest: { python: { ...python, interpreter: "shared" } } }),
      ]
    : [];
});
afterAll(() => Promise.all(modules.map((module) => module.close())));

testIf(hasOwnGil)("an extension module that imports what lies beside it is refused, and ends nothing", async () => {
  for (let i = 0; i < 5; i++)
    await expect(modules[0]!.call("failing", "imports")).rejects.toMatchObject({
      message: expect.stringMatching(SHARED_SETTING),
    });
  expect(await modules[1]!.call("f", "imports")).toBe("imports");
});

testIf(hasOwnGil)("one whose init function raises tells so, of either kind, again and again", async () => {
  for (let i = 0; i < 3; i++) {
    expect(await modules[0]!.call("f", "raises")).toContain("does not support loading in subinterpreters");
    expect(await modules[0]!.call("f", "fails")).toContain("RuntimeError('no such luck')");
  }
  await expect(modules[1]!.call("failing", "raises")).rejects.toMatchObject({ guest: { name: "RuntimeError" } });
});

testIf(hasOwnGil)("an init function that was tried for an isolated interpreter does not run twice", async () => {
  expect(await modules[0]!.call("f", "either")).toContain("single-phase initialization");
  expect(await modules[0]!.call("f", "either")).toContain("does not support loading in subinterpreters");
  expect(await modules[1]!.call("f", "either")).toBe("either");
});

testIf(hasOwnGil)("one that supports interpreters of their own is imported in all of them", async () => {
  expect(await modules[0]!.call("f", "isolated")).toBe("isolated");
  await using other = await load(source, { manifest: { python: { path: [folder] } } });
  expect(await other.call("f", "isolated")).toBe("isolated");
  expect(await modules[1]!.call("f", "isolated")).toBe("isolated");
});

testIf(hasOwnGil)("what fails since a package does without its extension module names the shared setting", async () => {
  await expect(modules[0]!.call("lacking")).rejects.toMatchObject({
    guest: { name: "NameError" },
    message: expect.stringMatching(SHARED_SETTING),
  });
  for (const fn of ["without", "named"])
    await expect(modules[0]!.call(fn)).rejects.toMatchObject({ message: expect.stringMatching(SHARED_SETTING) });
});

// One that had ended the process, one that falls back to Python, one that is refused and one that is not.
test.runIf(smallPackages !== undefined)(
  "small packages with compiled code work, or are refused with what helps",
  async () => {
    const source = `
def msgspec(v):
    import msgspec
    return msgspec.json.decode(msgspec.json.encode(v))
def protobuf(v):
    from google.protobuf import struct_pb2
    made = struct_pb2.Struct()
    made.update(v)
    return made.SerializeToString().decode()
def orjson(v):
    import orjson
    return orjson.loads(orjson.dumps(v))
def markupsafe(v):
    import markupsafe, markupsafe._speedups
    return str(markupsafe.escape(v["a"]))
`;
    const exports = ["msgspec", "protobuf", "orjson", "markupsafe"];
    const answers = async (interpreter: "isolated" | "shared") => {
      await using module = await load(source, {
        exports,
        limits: { maxInstances: 1 },
        manifest: { python: { interpreter, path: [smallPackages!] } },
      });
      const given: Record<string, unknown> = {};
      for (const name of cpython.freeThreaded ? ["markupsafe"] : exports)
        given[name] = await module
          .call(name, { a: "<" })
          .catch((error: Error) => (SHARED_SETTING.test(error.message) ? "refused" : error.message));
      return given;
    };
    const markupsafe = "&lt;";
    const all = { msgspec: { a: "<" }, protobuf: expect.stringContaining("a"), orjson: { a: "<" }, markupsafe };
    const isolated = { ...all, msgspec: "refused", orjson: "refused" };
    if (hasOwnGil) expect(await answers("isolated")).toEqual(cpython.freeThreaded ? { markupsafe } : isolated);
    expect(await answers("shared")).toEqual(cpython.freeThreaded ? { markupsafe } : all);
  },
);

import { execFileSync } from "node:child_process";
import { mkdtempSync, symlinkSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { cpython, guest, hasOwnGil, numpyFolder, testIf } from "./guest.ts";

/** Built: a process imports it by itself. */
type Pyvm = typeof import("../src/index.ts").pyvm;
const { pyvm } = (await import(new URL("../dist/index.js", import.meta.url).href)) as { pyvm: Pyvm };

const numpy = numpyFolder();
const folder = mkdtempSync(join(tmpdir(), "pyvm-placed-"));
afterAll(() => rm(folder, { recursive: true }));

const SOURCE = `
import ctypes, os
def well(value):
    return value
def meet(folder):
    open(os.path.join(folder, str(os.getpid())), "w").close()
    while len(os.listdir(folder)) < 2:
        pass
    return os.getpid()
def wedge(value):
    return sum(range(10 ** 12))
def leave(value):
    os._exit(7)
def fault(value):
    return ctypes.string_at(0)
def hoard(value):
    kept = []
    while True:
        kept.append(bytearray(10_000_000))
`;
const EXPORTS = ["well", "meet", "wedge", "leave", "fault", "hoard"];

/** One in a process, in the interpreter that C extensions want. */
function placed(source = SOURCE, exports = EXPORTS, more: object = {}) {
  const paths = numpy === undefined ? {} : { path: [numpy] };
  return guest(source, { exports, manifest: { ...more, python: { interpreter: "shared", ...paths } } });
}

for (const placement of ["thread", "process"] as const)
  test(`calls host functions from a ${placement}, and is stopped while it waits for one`, async () => {
    await using runtime = pyvm({ python: cpython.library, placement });
    const source = `
import extruntime
def f(v):
    try: return extruntime.call(*v)
    except Exception as error: return f"{getattr(error, 'name', type(error).__name__)}: {error}"
`;
    const hostFunctions = {
      now: (value: unknown) => [value],
      later: async (value: unknown) => value,
      fail: () => Promise.reject(new RangeError("too far")),
      never: () => new Promise(() => {}),
      again: (value: unknown) => module.call("f", ["now", value]),
    };
    const permissions = Object.keys(hostFunctions);
    const module = await runtime.load(guest(source, { manifest: { permissions } }), { hostFunctions });
    const answers = await Promise.all(permissions.map((name) => name === "never" || module.call("f", [name, "é"])));
    expect(answers).toEqual([["é"], "é", "RangeError: too far", true, ["é"]]);
    expect(await module.call("f", ["other"])).toMatch(/^PermissionError: the host function other is not granted/);
    await expect(module.call("f", ["never"], { timeoutMs: 100 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(await module.call("f", ["now", 1])).toEqual([1]);
  });

describe("pyvm in processes", () => {
  test("runs calls side by side, each in a process with a GIL of its own", async () => {
    await using runtime = pyvm({ python: cpython.library, placement: "process", processes: { max: 2 } });
    const module = await runtime.load(placed());
    const meeting = mkdtempSync(join(folder, "meeting-"));
    const [one, two] = await Promise.all([module.call("meet", meeting), module.call("meet", meeting)]);
    expect(one).not.toBe(two);
  });

  test("stops a call inside C, which nothing stops inline", async () => {
    await using runtime = pyvm({ python: cpython.library, placement: "process" });
    expect(runtime.capabilities).toMatchObject({
      deadline: "hard",
      signal: "hard",
      crashIsolation: true,
      memoryLimit: true,
    });
    const module = await runtime.load(placed());
    await expect(module.invoke("wedge", "null", { timeoutMs: 200 })).rejects.toMatchObject({
      code: "ERR_EXT_TIMEOUT",
    });
    expect(await module.call("well", 1)).toBe(1);
  });

  test.each([
    ["leave", /ended with exit code 7/],
    ["fault", /was ended by SIGSEGV/],
  ])("survives %s", async (fn, message) => {
    await using runtime = pyvm({ python: cpython.library, placement: "process" });
    const module = await runtime.load(placed());
    await expect(module.call(fn)).rejects.toMatchObject({
      code: "ERR_EXT_CRASHED",
      message: expect.stringMatching(message),
    });
    expect(await module.call("well", 1)).toBe(1);
    expect(module.stats().failures).toBe(1);
  });

  testIf(process.platform === "linux")("keeps a memory limit, which it cannot inline", async () => {
    await using runtime = pyvm({ python: cpython.library, placement: "process" });
    const module = await runtime.load(placed(SOURCE, EXPORTS, { limits: { memoryMb: 64 } }));
    await expect(module.call("hoard")).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
    expect(await module.call("well", 1)).toBe(1);
  });

  testIf(numpy !== undefined)("gives numpy", async () => {
    await using runtime = pyvm({ python: cpython.library, placement: "process" });
    const source = "import numpy\ndef f(n):\n  return int(numpy.arange(n).sum())";
    const module = await runtime.load(placed(source, ["f"]));
    expect(await Promise.all([10, 100, 1000].map((n) => module.call("f", n)))).toEqual([45, 4950, 499_500]);
  });

  test("finds the CPython that the host's PATH names first, though guests have no PATH", () => {
    symlinkSync(cpython.executable, join(folder, "python3.14"));
    const host = fileURLToPath(new URL("placed-child.mjs", import.meta.url));
    const { PYVM_PYTHON: _, ...env } = process.env;
    const printed = execFileSync(process.execPath, [host], {
      env: { ...env, PATH: `${folder}:${env.PATH}` },
      encoding: "utf8",
    });
    expect(JSON.parse(printed)).toEqual({ version: cpython.version, path: null });
  });
});

testIf(hasOwnGil)("Python tells the same time in the same words at every placement", () => {
  const host = fileURLToPath(new URL("../../extruntime/test/placement/locale-child.mjs", import.meta.url));
  const { LANG: _, LC_ALL: __, TZ: ___, ...rest } = process.env;
  const python = cpython.library;
  const places = [{ placement: "inline" }, { placement: "process", processes: { max: 1, spare: 0 } }];
  for (const env of [{}, { TZ: "America/New_York", LANG: "de_DE.UTF-8", LC_CTYPE: "C.UTF-8" }]) {
    const options = JSON.stringify(places.map((each) => ({ ...each, python })));
    const told = JSON.parse(
      execFileSync(process.execPath, [host, "pyvm", options], { env: { ...rest, ...env }, encoding: "utf8" }),
    ) as unknown[];
    expect(told[1]).toEqual(told[0]);
    if ("TZ" in env) expect(JSON.stringify(told[0])).toContain("EST");
  }
});

/** What `ulimit -d` does not count. */
const SHARED = `
import mmap, os
def f(what):
  n = 1 << 31
  if what == "map":
    shared = mmap.mmap(-1, n)
    for i in range(0, n, 4096): shared[i] = 1
  if what == "nameless":
    file = os.memfd_create("x")
    for i in range(n >> 20): os.write(file, bytes(1 << 20))
  return what`;

testIf(process.platform === "linux")("a memory limit holds for shared memory, which ends its process", async () => {
  await using runtime = pyvm({ python: cpython.library, placement: "process", processes: { spare: 0 } });
  const module = await runtime.load(placed(SHARED, ["f"], { limits: { memoryMb: 64 } }));
  for (const what of ["map", "nameless"])
    await expect(module.call("f", what)).rejects.toMatchObject({
      code: "ERR_EXT_MEMORY",
      message: expect.stringMatching(/it held \d+ MiB, and may hold 224 MiB/),
    });
  expect(await module.call("f", "nothing")).toBe("nothing");
});

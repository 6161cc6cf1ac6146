import { describe, expect, it } from "vitest";
import { wasm } from "../src/index.ts";
import { assemble, codeOf, ECHO, failure, guestFunction, loadGuest, pointerGuest } from "./guests.ts";

const parts = {
  memory: '(memory (export "memory") 1)',
  alloc: '(func (export "__base_alloc") (param i32) (result i32) unreachable)',
  free: '(func (export "__base_free") (param i32 i32) unreachable)',
  echo: '(func (export "echo") (param i32 i32) (result i64) unreachable)',
};
const build = (change: Partial<typeof parts>, more = "") =>
  assemble(`(module ${Object.values({ ...parts, ...change }).join("\n")} ${more})`);
const imports = (text: string) => pointerGuest(ECHO, { imports: text });

describe("what is checked at load, without running the guest", () => {
  it("loads a module of the pointer ABI whose every function would trap", async () => {
    await loadGuest(build({}), { lazy: true });
  });

  it.each([
    [
      "an allocator that is missing",
      build({ alloc: "" }),
      "ERR_EXT_BAD_MANIFEST",
      "exports no function __base_alloc; its functions are __base_free, echo",
    ],
    ["a free that is missing", build({ free: "" }), "ERR_EXT_BAD_MANIFEST", "exports no function __base_free"],
    ["neither ABI", build({ alloc: "", free: "" }), "ERR_EXT_BAD_MANIFEST", "of neither ABI"],
    [
      "a function that is missing",
      build({ echo: "" }),
      "ERR_EXT_UNKNOWN_FUNCTION",
      "names echo, which guest.wasm does not export",
    ],
    [
      "a function that is a global",
      build({ echo: '(global (export "echo") i32 (i32.const 1))' }),
      "ERR_EXT_UNKNOWN_FUNCTION",
      "names echo",
    ],
    [
      "a function of another type",
      build({ echo: '(func (export "echo") (param i32) (result i32) unreachable)' }),
      "ERR_EXT_BAD_MANIFEST",
      "exports echo of type (i32) -> i32, and it must be (i32, i32) -> i64",
    ],
    [
      "an allocator of another type",
      build({ alloc: '(func (export "__base_alloc") (param i64) (result i64) unreachable)' }),
      "ERR_EXT_BAD_MANIFEST",
      "must be (i32) -> i32",
    ],
    ["a memory that is missing", build({ memory: "(memory 1)" }), "ERR_EXT_BAD_MANIFEST", 'no memory named "memory"'],
    ["no memory at all", build({ memory: "" }), "ERR_EXT_BAD_MANIFEST", 'no memory named "memory"'],
    [
      "a memory that is a table",
      build({ memory: '(table (export "memory") 1 funcref)' }),
      "ERR_EXT_BAD_MANIFEST",
      'no memory named "memory"',
    ],
    [
      "a _start of another type",
      assemble('(module (memory (export "memory") 1) (func (export "_start") (param i32)))'),
      "ERR_EXT_BAD_MANIFEST",
      "must be () -> ()",
    ],
  ])("refuses %s", async (_, bytes, code, message) => {
    const error = await failure(() => loadGuest(bytes, { lazy: true }));
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  });

  it.each([
    [
      "an unknown function",
      '(import "env" "exec" (func (param i32)))',
      'imports "env" "exec", which is not a function that a guest is given',
    ],
    ["a function of Object.prototype", '(import "__proto__" "toString" (func))', "is not a function"],
    [
      "an unknown WASI function",
      '(import "wasi_snapshot_preview1" "sock_open" (func (result i32)))',
      "is not a function",
    ],
    [
      "an older WASI",
      '(import "wasi_unstable" "fd_write" (func (param i32 i32 i32 i32) (result i32)))',
      "is not a function",
    ],
    [
      "a WASI function of another type",
      '(import "wasi_snapshot_preview1" "fd_write" (func (param f64 i32 i32 i32) (result i32)))',
      "must have (i32, i32, i32, i32) -> i32",
    ],
    [
      "an absent WASI function of another type",
      '(import "wasi_snapshot_preview1" "path_open" (func (result i64)))',
      "must return i32",
    ],
    ["a table", '(import "env" "table" (table 1 funcref))', "a table; guests are given functions only"],
    ["a global", '(import "env" "base" (global i32))', "a global; guests are given functions only"],
    ["an exception tag", '(import "env" "tag" (tag (param i32)))', "a tag; guests are given functions only"],
  ])("refuses an import of %s", async (_, text, message) => {
    const error = await failure(() => loadGuest(imports(text), { lazy: true }));
    expect(error.code).toBe("ERR_EXT_UNSUPPORTED");
    expect(error.message).toContain(message);
  });

  it.each([
    [
      "an imported memory",
      '(module (import "env" "memory" (memory 1)) (export "memory" (memory 0)))',
      "a memory; it must define its own",
    ],
    ["two memories", '(module (memory (export "memory") 1) (memory 1) (func (export "_start")))', "2 memories"],
    ["a shared memory", '(module (memory (export "memory") 1 2 shared) (func (export "_start")))', "shared memory"],
    ["a 64-bit memory", '(module (memory (export "memory") i64 1) (func (export "_start")))', "64-bit memory"],
    [
      "exceptions of many values",
      `(module (memory (export "memory") 1) (func (export "_start")) (tag (param ${"i64 ".repeat(500)})))`,
      "500 values",
    ],
  ])("refuses %s", async (_, text, message) => {
    const error = await failure(() => loadGuest(assemble(text), { lazy: true }));
    expect(error.code).toBe("ERR_EXT_UNSUPPORTED");
    expect(error.message).toContain(message);
  });

  it("refuses garbage-collected types, alone and in a group", async () => {
    const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    for (const types of [
      [1, 0x5f, 0],
      [1, 0x5e, 0x7f, 0],
      [1, 0x4e, 2, 0x60, 0, 0, 0x50, 0, 0x5f, 0],
    ]) {
      const error = await failure(() =>
        loadGuest(Uint8Array.from([...header, 1, types.length, ...types]), { lazy: true }),
      );
      expect(error.code).toBe("ERR_EXT_UNSUPPORTED");
      expect(error.message).toContain("garbage-collected");
    }
  });
});

describe("bytes that are no module", () => {
  const valid = build({});
  it.each([
    ["nothing", new Uint8Array()],
    ["text", Buffer.from("(module)")],
    ["a header alone, cut", valid.subarray(0, 6)],
    ["another version", Uint8Array.from([0, 0x61, 0x73, 0x6d, 2, 0, 0, 0])],
    ["a component", Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0])],
    ["a section past the end", Uint8Array.from([...valid.subarray(0, 8), 1, 0xff, 0xff, 0xff, 0xff, 0x0f])],
    ["a section size past 32 bits", Uint8Array.from([...valid.subarray(0, 8), 1, 0xff, 0xff, 0xff, 0xff, 0x7f])],
  ])("refuses %s", async (_, bytes) => {
    const error = await failure(() => loadGuest(bytes));
    expect(error).toMatchObject({ code: "ERR_EXT_GUEST", guest: { name: "CompileError" } });
    expect(error.message).toContain("guest.wasm is not a valid WebAssembly module");
  });

  it("loads a module that is cut or changed anywhere, where that leaves it valid, or refuses it with a code", async () => {
    const cut = Array.from({ length: valid.length }, (_, length) => valid.subarray(0, length));
    const changed = Array.from({ length: valid.length }, (_, at) => {
      const bytes = Uint8Array.from(valid);
      bytes[at]! ^= 1 << (at % 8);
      return bytes;
    });
    let refused = 0;
    for (const bytes of [...cut, ...changed]) {
      const error = await loadGuest(bytes).then(
        () => undefined,
        (reason: { code?: string }) => reason,
      );
      if (error === undefined) continue;
      refused += 1;
      expect(error.code).toMatch(/^ERR_EXT_(GUEST|BAD_MANIFEST|UNKNOWN_FUNCTION|UNSUPPORTED|MEMORY)$/);
    }
    expect(refused).toBeGreaterThan(valid.length);
  });
});

describe("manifest and options", () => {
  it("refuses settings, of which it has none", async () => {
    const error = await failure(() => loadGuest(pointerGuest(ECHO), { settings: { wasi: true } }));
    expect(error).toMatchObject({ code: "ERR_EXT_BAD_MANIFEST" });
    expect(error.message).toContain("wasm.wasi");
  });

  it("loads a manifest that says wazero", async () => {
    const manifest = { name: "g", runtime: "wazero", module: "g.wasm", exports: ["echo"] };
    const module = await wasm().load({ manifest, files: { "g.wasm": pointerGuest(ECHO) } });
    expect(await module.invoke("echo", "[1]")).toBe("[1]");
  });

  it("refuses options out of their range", () => {
    expect(() => wasm({ defaultMemoryMb: 0 })).toThrow(TypeError);
    expect(() => wasm({ maxSleepMs: -1 })).toThrow(TypeError);
    expect(() => wasm({ maxSleepMs: Number.NaN })).toThrow(TypeError);
  });

  it("refuses a signal, which the guest would keep from firing", async () => {
    const module = await loadGuest(pointerGuest(ECHO));
    const { signal } = new AbortController();
    const error = await failure(() => module.invoke("echo", "1", { signal }));
    expect(error.code).toBe("ERR_EXT_UNSUPPORTED");
    expect(error.message).toContain("use timeoutMs");
  });

  it("says what it is", () => {
    expect(wasm().capabilities).toEqual({
      languages: ["wasm"],
      hardSandbox: true,
      nativeAddon: false,
      deadline: "hard",
      signal: false,
      crashIsolation: false,
      memoryLimit: true,
      parallel: false,
      sync: true,
      hostFunctions: true,
      freshCalls: true,
    });
  });

  it("prefers the pointer ABI where a module has both, and calls _start once in each instance", async () => {
    const module = await loadGuest(
      pointerGuest(
        `(global $started (mut i32) (i32.const 0))
        (func (export "_start") (global.set $started (i32.add (global.get $started) (i32.const 1))))
        ${guestFunction("echo", "(call $number (global.get $started))")}`,
      ),
    );
    expect(await module.invoke("echo", "[1]")).toBe("1");
    expect(await module.invoke("echo", "[1]")).toBe("1");
  });

  it("fails where _start fails, and where it is of another type", async () => {
    const start = (rest: string) => loadGuest(pointerGuest(`${ECHO} (func (export "_start") ${rest})`));
    expect(await codeOf(() => start("unreachable"))).toBe("ERR_EXT_GUEST");
    expect(await codeOf(() => start("(param i32)"))).toBe("ERR_EXT_BAD_MANIFEST");
  });

  it("calls _initialize of a module that has both", async () => {
    const first = '(func (export "_initialize")) (func (export "_start") unreachable)';
    expect(await (await loadGuest(pointerGuest(ECHO + first))).invoke("echo", "[1]")).toBe("[1]");
  });
});

import { describe, expect, it } from "vitest";
import { BinaryReader, leb128, MalformedModule } from "../src/machine/module/binary-reader.ts";
import { limitMemory, MAX_TABLE_ENTRIES } from "../src/machine/module/memory-limit.ts";
import { readShape } from "../src/machine/module/module-shape.ts";
import { assemble, codeOf, ECHO, failure, guestFunction, loadGuest, pointerGuest } from "./guests.ts";

/** Grows by so many pages as the payload is long, and answers with the new size in pages, or 4294967295. */
const GROW = guestFunction("grow", "(drop (memory.grow (local.get $length))) (call $number (memory.size))");
const PAGE_MB = 16;

describe("limits.memoryMb", () => {
  const grow = async (memory: string, pages: number, options = {}) => {
    const module = await loadGuest(pointerGuest(GROW, { memory }), { exports: ["grow"], ...options });
    return Number(await module.invoke("grow", "x".repeat(pages)));
  };

  it("caps a memory that declares no maximum", async () => {
    expect(await grow("1", 15, { memoryMb: 1 })).toBe(16);
    expect(await grow("1", 16, { memoryMb: 1 })).toBe(1);
  });

  it("caps a memory that declares a larger maximum, and leaves a smaller one", async () => {
    expect(await grow("1 65536", 16, { memoryMb: 1 })).toBe(1);
    expect(await grow("1 4", 3, { memoryMb: 1 })).toBe(4);
    expect(await grow("1 4", 4, { memoryMb: 1 })).toBe(1);
  });

  it("is 256 MiB where nobody says, or the runtime's default", async () => {
    expect(await grow("1", 256 * PAGE_MB - 1)).toBe(256 * PAGE_MB);
    expect(await grow("1", 256 * PAGE_MB)).toBe(1);
    expect(await grow("1", 2 * PAGE_MB, { defaultMemoryMb: 2 })).toBe(1);
  });

  it("refuses at load what begins larger, and says what would do", async () => {
    const error = await failure(() => loadGuest(pointerGuest(ECHO, { memory: "33" }), { memoryMb: 2, lazy: true }));
    expect(error.code).toBe("ERR_EXT_MEMORY");
    expect(error.message).toContain(
      "begins with 2.06 MiB of memory, and its limit is 2 MiB; set limits.memoryMb to 3 or more",
    );
    await loadGuest(pointerGuest(ECHO, { memory: "32" }), { memoryMb: 2 });
  });

  it("takes limits past the 4 GiB that a memory can have", async () => {
    expect(await grow("1", 100, { memoryMb: 65_536 })).toBe(101);
  });

  it("gives ERR_EXT_MEMORY for a payload that does not fit, and goes on", async () => {
    const module = await loadGuest(pointerGuest(ECHO), { memoryMb: 1 });
    expect(await codeOf(() => module.invoke("echo", "x".repeat(2 ** 20)))).toBe("ERR_EXT_MEMORY");
    expect(await module.invoke("echo", "[1]")).toBe("[1]");
  });

  it("gives ERR_EXT_MEMORY for an allocator that traps at the limit, and ERR_EXT_GUEST for the same trap before", async () => {
    const hoard = guestFunction(
      "hoard",
      "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable",
    );
    const trap = guestFunction("trap", "unreachable");
    const module = await loadGuest(pointerGuest(hoard + trap), { exports: ["hoard", "trap"], memoryMb: 2 });
    const error = await failure(() => module.invoke("hoard", "0"));
    expect(error.code).toBe("ERR_EXT_MEMORY");
    expect(error.message).toContain("2097152 of 2097152 bytes in use");
    expect(await codeOf(() => module.invoke("trap", "0"))).toBe("ERR_EXT_GUEST");
  });

  it.each([
    [
      "a trap after a growth to more than half of the limit",
      "(memory.grow (i32.const 1))",
      "20 640",
      40,
      "ERR_EXT_GUEST",
    ],
    ["a trap after growths up to the limit", "(memory.grow (i32.const 319))", "1", 20, "ERR_EXT_GUEST"],
    [
      "a trap after a growth that failed far from the limit",
      "(memory.grow (i32.const 1000))",
      "1",
      20,
      "ERR_EXT_MEMORY",
    ],
  ])("tells %s for what it is", async (_, grow, memory, memoryMb, code) => {
    const trap = guestFunction("trap", `(drop ${grow}) unreachable`);
    const module = await loadGuest(pointerGuest(trap, { memory }), { exports: ["trap"], memoryMb });
    expect(await codeOf(() => module.invoke("trap", "0"))).toBe(code);
  });

  it("forgets a growth that failed with the call that it failed in", async () => {
    const module = await loadGuest(pointerGuest(GROW + guestFunction("trap", "unreachable"), { memory: "1" }), {
      exports: ["grow", "trap"],
      memoryMb: 1,
      pool: 1,
    });
    expect(await module.invoke("grow", "x".repeat(100))).toBe("1");
    expect(await codeOf(() => module.invoke("trap", "0"))).toBe("ERR_EXT_GUEST");
  });

  it("tells of a start function that runs out of memory", async () => {
    const start = (pages: number) =>
      `(global $g (mut i64) (i64.const 7)) (func $start (drop (memory.grow (i32.const ${pages}))) unreachable) (start $start)`;
    const load = (pages: number) => codeOf(() => loadGuest(pointerGuest(start(pages) + ECHO), { memoryMb: 1 }));
    expect([await load(1000), await load(1)]).toEqual(["ERR_EXT_MEMORY", "ERR_EXT_GUEST"]);
  });

  it("does not take a trap for exhaustion where the memory is at its maximum from the start", async () => {
    const module = await loadGuest(pointerGuest(guestFunction("echo", "unreachable"), { memory: "1 1" }));
    expect(await codeOf(() => module.invoke("echo", "0"))).toBe("ERR_EXT_GUEST");
  });
});

describe("tables", () => {
  it("bounds the growth of all tables together", async () => {
    const grow = (table: number) =>
      `(if (i32.eq (table.grow $t${table} (ref.null func) (i32.const 100000)) (i32.const -1)) (then) (else (local.set $grown (i32.add (local.get $grown) (i32.const 1)))))`;
    const body = `(table $t0 1 funcref) (table $t1 10 10000000 funcref) (table $t2 2 3 funcref)
      (func (export "grow") (param i32 i32) (result i64) (local $grown i32)
        ${[0, 0, 0, 1, 1, 1, 2].map(grow).join("\n")} (call $number (local.get $grown)))`;
    const module = await loadGuest(pointerGuest(body), { exports: ["grow"] });
    expect(Number(await module.invoke("grow", "0"))).toBeLessThanOrEqual(Math.floor(MAX_TABLE_ENTRIES / 100_000));
  });

  it("refuses tables that begin larger, one or many", async () => {
    for (const tables of ["(table 10000000 funcref)", "(table 1000 funcref)".repeat(300)])
      expect(await codeOf(() => loadGuest(pointerGuest(tables + ECHO), { lazy: true }))).toBe("ERR_EXT_UNSUPPORTED");
  });

  it("keeps a table's functions", async () => {
    const body = `(type $f (func (param i32 i32) (result i64))) (table 1 funcref) (elem (i32.const 0) $copy)
      ${guestFunction("echo", "(call_indirect (type $f) (local.get $pointer) (local.get $length) (i32.const 0))")}`;
    expect(await (await loadGuest(pointerGuest(body))).invoke("echo", "[1]")).toBe("[1]");
  });
});

describe("the rewriter", () => {
  const limited = (bytes: Uint8Array, pages: number) => limitMemory(bytes, readShape(bytes), pages);
  /** A module of one section. */
  const section = (id: number, ...content: number[]) =>
    Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, id, content.length, ...content]);

  it("leaves every other section as it was, custom ones included", () => {
    const bytes = pointerGuest(ECHO, { memory: "1 16" });
    expect(Buffer.from(limited(bytes, 16).bytes)).toEqual(Buffer.from(bytes));
  });

  it("reads numbers that are written longer than they need be, as V8 does", () => {
    expect(limited(section(5, 1, 1, 0x81, 0x80, 0x00, 0xff, 0x80, 0x00), 100)).toMatchObject({
      initialPages: 1,
      maxPages: 100,
    });
    expect(Buffer.from(limited(section(5, 1, 0, 1), 300).bytes)).toEqual(Buffer.from(section(5, 1, 1, 1, 0xac, 0x02)));
  });

  it.each([
    ["shared", [1, 3, 1, 2]],
    ["64-bit", [1, 4, 1]],
    ["pages of its own size", [1, 8, 1, 0]],
    ["2 memories", [2, 0, 1, 0, 1]],
  ])("refuses a memory that is %s", (message, content) => {
    expect(() => limited(section(5, ...content), 10)).toThrow(message);
  });

  it("refuses what it does not know, and bytes that it would not copy", () => {
    expect(() => limited(section(5, 1, 0x11, 1), 10)).toThrow(MalformedModule);
    expect(() => limited(section(5, 1, 0, 1, 0), 10)).toThrow("longer than its content");
    expect(() => readShape(Uint8Array.from([...section(5, 1, 0, 1), 5, 3, 1, 0, 1]))).toThrow("twice");
  });

  it("refuses tables of exceptions, however their type is written, and takes functions", () => {
    for (const type of [[0x69], [0x63, 0x69], [0x63, 0xe9, 0x7f], [0x64, 0xe9, 0xff, 0x7f], [0x6e]])
      expect(() => limited(section(4, 1, ...type, 0, 1), 10)).toThrow("table of values other than functions");
    for (const type of [[0x70], [0x6f], [0x63, 0x70], [0x63, 0x00], [0x64, 0x80, 0x01]])
      limited(section(4, 1, ...type, 0, 1), 10);
  });

  it("copies a table's initial value, and refuses one that it cannot read", () => {
    const table = [1, 0x40, 0, 0x63, 0x70, 0, 1, 0xd0, 0x70, 0x0b];
    const share = leb128(MAX_TABLE_ENTRIES);
    const expected = [1, 0x40, 0, 0x63, 0x70, 1, 1, ...share, 0xd0, 0x70, 0x0b];
    expect(Buffer.from(limited(section(4, ...table), 10).bytes)).toEqual(Buffer.from(section(4, ...expected)));
    expect(() => limited(section(4, 1, 0x40, 0, 0x63, 0x70, 0, 1, 0x41, 0, 0x0b), 10)).toThrow(
      "computed initial value",
    );
  });

  it("writes and reads back every size of number", () => {
    for (const value of [0, 1, 127, 128, 16_383, 16_384, 65_536, 2 ** 31, 2 ** 32 - 1])
      expect(new BinaryReader(Uint8Array.from(leb128(value))).u32()).toBe(value);
    expect(() => new BinaryReader(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x1f)).u32()).toThrow(MalformedModule);
    expect(() => new BinaryReader(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0)).u32()).toThrow(MalformedModule);
  });
});

describe("modules of many globals", () => {
  it("are refused", async () => {
    const globals = Array.from({ length: 100_001 }, () => "(global i32 (i32.const 0))").join("");
    const bytes = assemble(`(module (memory (export "memory") 1) ${globals} (func (export "_start")))`);
    expect(await codeOf(() => loadGuest(bytes, { lazy: true }))).toBe("ERR_EXT_UNSUPPORTED");
  });
});

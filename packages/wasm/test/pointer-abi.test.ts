import { describe, expect, it } from "vitest";
import { assemble, codeOf, ECHO, failure, guestFunction, loadGuest, pointerGuest } from "./guests.ts";

const one = (body: string, options = {}) => loadGuest(pointerGuest(guestFunction("echo", body), options));

describe("payloads and results", () => {
  it("carries the payload to the guest and its result back, byte for byte", async () => {
    const module = await loadGuest(pointerGuest(ECHO));
    const payloads = [
      "{}",
      ' { "a" : 1e400, "a": -0 } ',
      '"\\u0000"',
      '"\u0000"',
      '"é😀\u{10FFFF}"',
      "9007199254740993",
      "not JSON",
    ];
    for (const payload of payloads) expect(await module.invoke("echo", payload)).toBe(payload);
  });

  it("sends a lone surrogate as U+FFFD and keeps a U+FFFD that the guest sends", async () => {
    const module = await loadGuest(pointerGuest(ECHO));
    expect(await module.invoke("echo", '"a\uD800b\uDC00"')).toBe('"a\uFFFDb\uFFFD"');
  });

  it("gives null for an empty result, and a guest of an empty payload a pointer that is not null", async () => {
    const module = await one("(call $number (local.get $pointer))");
    expect(Number(await module.invoke("echo", ""))).toBeGreaterThan(0);
    expect(await (await loadGuest(pointerGuest(ECHO))).invoke("echo", "")).toBe("null");
    expect(await (await one("(i64.const 0)")).invoke("echo", "1")).toBe("null");
  });

  it("carries 10 MB and 10,000 levels, growing the memory on the way", async () => {
    const module = await loadGuest(pointerGuest(ECHO));
    const large = JSON.stringify("ü".repeat(5_000_000));
    expect(await module.invoke("echo", large)).toBe(large);
    const deep = "[".repeat(10_000) + "]".repeat(10_000);
    expect(await module.invoke("echo", deep)).toBe(deep);
    expect(await module.invoke("echo", "[1]")).toBe("[1]");
  });

  it("sees memory that the guest grew during the call", async () => {
    const module = await one(`
      (drop (memory.grow (i32.const 3)))
      (global.set $top (i32.const 200000))
      (call $copy (local.get $pointer) (local.get $length))`);
    expect(module.invokeSync("echo", "[7]")).toBe("[7]");
  });

  it("answers synchronously too", async () => {
    const module = await loadGuest(pointerGuest(ECHO));
    expect(module.invokeSync("echo", "[1]")).toBe("[1]");
    expect(await module.call("echo", { a: [1, "é"] })).toEqual({ a: [1, "é"] });
  });
});

describe("who frees what", () => {
  const liveAfter = guestFunction("live", "(call $number (global.get $live))");
  const withLive = async (body: string) =>
    loadGuest(pointerGuest(guestFunction("echo", body) + liveAfter), { exports: ["echo", "live"] });

  it("gives both buffers back after each call", async () => {
    const module = await withLive("(call $copy (local.get $pointer) (local.get $length))");
    for (let i = 0; i < 10; i++) await module.invoke("echo", "[1]");
    await module.invoke("echo", "");
    // The call's own payload is live while it counts.
    expect(await module.invoke("live", "0")).toBe("1");
  });

  it("frees a result that is the payload, or a part of it, once", async () => {
    const same = await withLive("(call $packed (local.get $pointer) (local.get $length))");
    expect(await same.invoke("echo", "[1]")).toBe("[1]");
    expect(await same.invoke("live", "0")).toBe("1");
    const part = await withLive(
      "(call $packed (i32.add (local.get $pointer) (i32.const 1)) (i32.sub (local.get $length) (i32.const 2)))",
    );
    expect(await part.invoke("echo", "[12]")).toBe("12");
    expect(await part.invoke("live", "0")).toBe("1");
  });

  it("frees both when the result is not UTF-8, and keeps the instance", async () => {
    const module = await withLive(
      "(i32.store8 (local.get $pointer) (i32.const 255)) (call $copy (local.get $pointer) (local.get $length))",
    );
    expect(await codeOf(() => module.invoke("echo", "[1]"))).toBe("ERR_EXT_BAD_RESULT");
    expect(await module.invoke("live", "0")).toBe("1");
    expect(module.stats().instancesCreated).toBe(1);
  });
});

describe("hostile guests", () => {
  it.each([
    ["past the end", "(call $packed (i32.const 65535) (i32.const 2))"],
    ["with a length of 4 GiB", "(call $packed (i32.const 1024) (i32.const -1))"],
    ["at 4 GiB", "(call $packed (i32.const -1) (i32.const 1))"],
    ["at both", "(i64.const -1)"],
    ["empty, but outside", "(call $packed (i32.const -1) (i32.const 0))"],
  ])("refuses a result %s, and replaces the instance", async (_, body) => {
    const module = await one(body);
    expect(await codeOf(() => module.invoke("echo", "1"))).toBe("ERR_EXT_BAD_RESULT");
    expect(await codeOf(() => module.invoke("echo", "1"))).toBe("ERR_EXT_BAD_RESULT");
    expect(module.stats().instancesCreated).toBe(2);
  });

  it.each(["\\ff", "\\c0\\80", "\\ed\\a0\\80", "\\f4\\90\\80\\80", "ab\\e2\\82"])(
    "refuses the result bytes %s",
    async (bytes) => {
      const length = bytes.replaceAll(/\\../g, "x").length;
      const body = guestFunction("echo", `(call $copy (i32.const 16) (i32.const ${length}))`);
      const module = await loadGuest(pointerGuest(`(data (i32.const 16) "${bytes}") ${body}`));
      expect(await codeOf(() => module.invoke("echo", "1"))).toBe("ERR_EXT_BAD_RESULT");
    },
  );

  it.each([
    ["-1", "(i32.const -1)", "ERR_EXT_GUEST"],
    ["the end of the memory", "(i32.const 65535)", "ERR_EXT_GUEST"],
    ["0", "(i32.const 0)", "ERR_EXT_MEMORY"],
  ])("refuses an allocator that answers %s", async (_, answer, code) => {
    const bytes = assemble(`(module (memory (export "memory") 1)
      (func (export "__base_alloc") (param i32) (result i32) ${answer})
      (func (export "__base_free") (param i32 i32))
      (func (export "echo") (param i32 i32) (result i64) (i64.const 0)))`);
    const module = await loadGuest(bytes);
    expect(await codeOf(() => module.invoke("echo", "[1]"))).toBe(code);
    expect(await codeOf(() => module.invoke("echo", "[1]"))).toBe(code);
    expect(module.stats().instancesCreated).toBe(2);
  });

  it("tells a trap with its message and the guest's frames, and goes on in a fresh instance", async () => {
    const count = `(global $count (mut i32) (i32.const 0)) ${guestFunction(
      "count",
      "(global.set $count (i32.add (global.get $count) (i32.const 1))) (call $number (global.get $count))",
    )}`;
    const trap = guestFunction("trap", "(drop (i32.div_u (i32.const 1) (i32.const 0))) (i64.const 0)");
    const module = await loadGuest(pointerGuest(count + trap), { exports: ["count", "trap"] });
    await module.invoke("count", "0");
    expect(await module.invoke("count", "0")).toBe("2");
    const error = await failure(() => module.invoke("trap", "0"));
    expect(error.code).toBe("ERR_EXT_GUEST");
    expect(error.message).toBe("guest.trap: RuntimeError: divide by zero");
    expect(error.guest).toMatchObject({ name: "RuntimeError", message: "divide by zero" });
    expect(error.guest?.stack).toMatch(/^RuntimeError: divide by zero\n +at trap \(wasm:.*wasm-function/);
    expect(error.guest?.stack).not.toMatch(/pointer-abi|file:/);
    expect(await module.invoke("count", "0")).toBe("1");
  });

  it.each([
    ["unreachable", "unreachable"],
    ["memory access out of bounds", "(i64.load (i32.const -1))"],
    [
      "null function or function signature mismatch|table index is out of bounds",
      "(call_indirect (result i64) (i32.const 9))",
    ],
  ])("tells the trap %s", async (message, body) => {
    const module = await loadGuest(pointerGuest(`(table 1 funcref) ${guestFunction("echo", body)}`));
    const error = await failure(() => module.invoke("echo", "1"));
    expect(error.code).toBe("ERR_EXT_GUEST");
    expect(error.message).toMatch(new RegExp(message));
  });

  it("survives endless recursion", async () => {
    const module = await one("(call $echo (local.get $pointer) (local.get $length))");
    const error = await failure(() => module.invoke("echo", "1"));
    expect(error.code).toBe("ERR_EXT_GUEST");
    expect(error.guest).toMatchObject({ name: "RangeError", message: "Maximum call stack size exceeded" });
    expect(await codeOf(() => module.invoke("echo", "1"))).toBe("ERR_EXT_GUEST");
  });

  it("reports an exception that the guest throws and does not catch", async () => {
    const module = await loadGuest(
      pointerGuest(`(tag $mine (param i32)) ${guestFunction("echo", "(throw $mine (i32.const 1))")}`),
    );
    expect(await failure(() => module.invoke("echo", "1"))).toMatchObject({
      code: "ERR_EXT_GUEST",
      guest: { name: "WebAssembly.Exception" },
    });
  });

  it("survives traps in the allocator, in the free and at the start", async () => {
    const parts = { alloc: "(i32.const 1024)", free: "", start: "" };
    const module = (change: Partial<typeof parts>) => {
      const { alloc, free, start } = { ...parts, ...change };
      return assemble(`(module (memory (export "memory") 1) (func $start ${start}) (start $start)
        (func (export "__base_alloc") (param i32) (result i32) ${alloc})
        (func (export "__base_free") (param i32 i32) ${free})
        (func (export "echo") (param i32 i32) (result i64) (i64.const 0)))`);
    };
    expect(await (await loadGuest(module({}))).invoke("echo", "1")).toBe("null");
    for (const change of [{ alloc: "unreachable" }, { free: "unreachable" }]) {
      const guest = await loadGuest(module(change));
      expect(await codeOf(() => guest.invoke("echo", "1"))).toBe("ERR_EXT_GUEST");
    }
    expect(await codeOf(() => loadGuest(module({ start: "unreachable" })))).toBe("ERR_EXT_GUEST");
  });
});

describe("reactors", () => {
  it("calls _initialize once in each instance, and not again", async () => {
    const body = `(global $calls (mut i32) (i32.const 0))
      (func (export "_initialize") (global.set $calls (i32.add (global.get $calls) (i32.const 1))))
      ${guestFunction("calls", "(call $number (global.get $calls))")}
      ${guestFunction("trap", "unreachable")}`;
    const module = await loadGuest(pointerGuest(body), { exports: ["calls", "trap"] });
    expect(await module.invoke("calls", "0")).toBe("1");
    expect(await module.invoke("calls", "0")).toBe("1");
    expect(await codeOf(() => module.invoke("trap", "0"))).toBe("ERR_EXT_GUEST");
    expect(await module.invoke("calls", "0")).toBe("1");
  });

  it("fails the load when _initialize traps or exits", async () => {
    const exit = '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))';
    const trapping = pointerGuest(`(func (export "_initialize") unreachable) ${ECHO}`);
    const exiting = pointerGuest(`(func (export "_initialize") (call $exit (i32.const 0))) ${ECHO}`, { imports: exit });
    expect(await codeOf(() => loadGuest(trapping))).toBe("ERR_EXT_GUEST");
    expect((await failure(() => loadGuest(exiting))).message).toContain("exit code 0");
  });
});

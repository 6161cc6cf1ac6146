import { describe, expect, it } from "vitest";
import { assemble, failure, type LogLine, loadGuest } from "./guests.ts";
import { ALL_WASI } from "./wasi-guest.ts";

const RUN = ["run"];

/** A command whose `_start` is this. Vectors at 8 (read) and 24 (write); 64 KiB of buffer at 65536; the count read at 40. */
const command = (body: string, { memory = "4", data = "", more = "" } = {}) =>
  assemble(`(module ${ALL_WASI} (memory (export "memory") ${memory}) ${data}
    (func $read (result i32)
      (i32.store (i32.const 8) (i32.const 65536)) (i32.store (i32.const 12) (i32.const 65536))
      (drop (call $fd_read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 40))) (i32.load (i32.const 40)))
    (func $write (param $fd i32) (param $at i32) (param $length i32)
      (i32.store (i32.const 24) (local.get $at)) (i32.store (i32.const 28) (local.get $length))
      (drop (call $fd_write (local.get $fd) (i32.const 24) (i32.const 1) (i32.const 44))))
    ${more} (func (export "_start") (local $n i32) ${body}))`);

const ECHO = `(block $end (loop $more
  (local.set $n (call $read)) (br_if $end (i32.eqz (local.get $n)))
  (call $write (i32.const 1) (i32.const 65536) (local.get $n)) (br $more)))`;

describe("a WASI command", () => {
  it("reads the payload from standard input and writes the result to standard output", async () => {
    const module = await loadGuest(command(ECHO), { exports: RUN });
    for (const payload of ["{}", '"é😀\u0000"', JSON.stringify("ü".repeat(5_000_000))])
      expect(await module.invoke("run", payload)).toBe(payload);
    expect(module.invokeSync("run", "[1]")).toBe("[1]");
    expect(await module.invoke("run", "")).toBe("null");
  });

  it("has the extension's name and the function's as its arguments", async () => {
    const body = `(drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
      (drop (call $args_get (i32.const 100) (i32.const 200)))
      (i32.store8 (i32.const 205) (i32.const 47))
      (call $write (i32.const 1) (i32.const 200) (i32.sub (i32.load (i32.const 4)) (i32.const 1)))`;
    const module = await loadGuest(command(body), { name: "guest", exports: ["run", "other"] });
    expect(await module.invoke("run", "0")).toBe("guest/run");
    expect(await module.invoke("other", "0")).toBe("guest/other");
  });

  it("begins every call with fresh memory and globals, in one instance of the pool", async () => {
    const body = `(i32.store8 (i32.const 100) (i32.add (i32.load8_u (i32.const 100)) (i32.const 49)))
      (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
      (if (i32.ne (global.get $calls) (i32.const 1)) (then unreachable))
      (call $write (i32.const 1) (i32.const 100) (i32.const 1))`;
    const module = await loadGuest(command(body, { more: "(global $calls (mut i32) (i32.const 0))" }), {
      exports: RUN,
    });
    for (let i = 0; i < 5; i++) expect(await module.invoke("run", "0")).toBe("1");
    expect(module.stats().instancesCreated).toBe(1);
  });

  // Each kind of state that a run can leave behind, and that the next one would answer with.
  it.each([
    [
      "memory of its data",
      `(i32.store8 (i32.const 300) (i32.add (i32.load8_u (i32.const 300)) (i32.const 1)))`,
      "(i32.load8_u (i32.const 300))",
      "1",
    ],
    ["memory that was zero", "(i32.store8 (i32.const 250001) (i32.const 7))", "(i32.load8_u (i32.const 250001))", "0"],
    ["the last byte", "(i32.store8 (i32.const 262143) (i32.const 7))", "(i32.load8_u (i32.const 262143))", "0"],
    ["an i64", "(global.set $long (i64.const -9))", "(i32.wrap_i64 (global.get $long))", "3"],
    ["an f64", "(global.set $float (f64.const 8))", "(i32.trunc_f64_s (global.get $float))", "2"],
    ["a table", "(table.set $t (i32.const 0) (ref.null func))", "(ref.is_null (table.get $t (i32.const 0)))", "0"],
    [
      "a dropped segment",
      "(memory.init $once (i32.const 400) (i32.const 0) (i32.const 1)) (data.drop $once)",
      "(i32.const 5)",
      "5",
    ],
    ["pages", "(drop (memory.grow (i32.const 1)))", "(memory.size)", "4"],
    ["a trap", "(if (i32.eq (local.get $n) (i32.const 2)) (then unreachable))", "(i32.load8_u (i32.const 300))", "0"],
  ])("finds nothing of the run before: %s", async (_, change, read, expected) => {
    const more = `(global $long (mut i64) (i64.const 3)) (global $float (mut f64) (f64.const 2)) (global $state (mut i32) (i32.const 0))
      (table $t 1 funcref) (elem (table $t) (i32.const 0) func $read) (data $once "5")`;
    // It reads before it changes, so that a state that stayed would be the answer.
    const body = `(local.set $n (call $read)) (global.set $state ${read}) ${change}
      (i32.store8 (i32.const 200) (i32.add (i32.const 48) (global.get $state)))
      (call $write (i32.const 1) (i32.const 200) (i32.const 1))`;
    const module = await loadGuest(command(body, { more }), { exports: RUN });
    const before = expected === "1" ? "0" : expected;
    for (let i = 0; i < 12; i++) {
      const fails = await module
        .invoke("run", i % 3 === 1 ? "[]" : "[1]", i % 4 === 3 ? { timeoutMs: 120_000 } : {})
        .catch((error: Error) => error.message);
      if (!fails.includes("unreachable")) expect(fails, `call ${i}`).toBe(before);
    }
  });

  it("takes exit code 0 for success, also from the depth of the program", async () => {
    const module = await loadGuest(command(`${ECHO} (call $proc_exit (i32.const 0)) unreachable`), { exports: RUN });
    expect(await module.invoke("run", "[1]")).toBe("[1]");
  });

  it("fails with the exit code and the end of standard error, which is logged as well", async () => {
    const log: LogLine[] = [];
    const body = `${ECHO} (call $write (i32.const 2) (i32.const 100) (i32.const 12)) (call $proc_exit (i32.const 3))`;
    const module = await loadGuest(command(body, { data: '(data (i32.const 100) "no such\\0aday\\0a")' }), {
      exports: RUN,
      log,
    });
    const error = await failure(() => module.invoke("run", "[1]"));
    expect(error).toMatchObject({
      code: "ERR_EXT_GUEST",
      guest: { name: "ExitError", message: "exit code 3: no such\nday" },
    });
    expect(log.map((line) => line.message)).toEqual(["no such", "day"]);
    expect((await failure(() => module.invoke("run", "[1]"))).message).toContain("exit code 3");
  });

  it("keeps nothing of a failed call's output for the next one", async () => {
    const body =
      "(local.set $n (call $read)) (call $write (i32.const 1) (i32.const 65536) (local.get $n)) (if (i32.gt_u (local.get $n) (i32.const 3)) (then unreachable))";
    const module = await loadGuest(command(body), { exports: RUN });
    expect((await failure(() => module.invoke("run", "[12]"))).message).toContain("unreachable");
    expect(await module.invoke("run", "[1]")).toBe("[1]");
  });

  it("refuses output that is not UTF-8", async () => {
    const module = await loadGuest(
      command("(i32.store8 (i32.const 100) (i32.const 255)) (call $write (i32.const 1) (i32.const 100) (i32.const 1))"),
      { exports: RUN },
    );
    expect((await failure(() => module.invoke("run", "0"))).code).toBe("ERR_EXT_BAD_RESULT");
  });

  it("ends a guest that writes without end at its memory limit", async () => {
    const endless = "(loop $more (call $write (i32.const 1) (i32.const 65536) (i32.const 65536)) (br $more))";
    const module = await loadGuest(command(endless), { exports: RUN, memoryMb: 4 });
    const error = await failure(() => module.invoke("run", "0"));
    expect(error.code).toBe("ERR_EXT_MEMORY");
    expect(error.message).toContain("larger than the memory limit of 4194304 bytes");
  });

  it("holds no more of the host than the result that it answers with", async () => {
    const closing = `(drop (call $fd_close (i32.const 1))) (call $write (i32.const 1) (i32.const 65536) (i32.const 10))
      (i32.store8 (i32.const 100) (i32.add (i32.const 48) (i32.ne (i32.load (i32.const 44)) (i32.const 0))))`;
    expect(await (await loadGuest(command(closing), { exports: RUN })).invoke("run", "0")).toBe("null");
  });

  it("runs many at once", async () => {
    const module = await loadGuest(command(ECHO), { exports: RUN, pool: 4 });
    const payloads = Array.from({ length: 1000 }, (_, index) => `[${index}]`);
    expect(await Promise.all(payloads.map((payload) => module.invoke("run", payload)))).toEqual(payloads);
  });
});

import { describe, expect, it } from "vitest";
import { ALLOCATOR, assemble, ECHO, failure, loadGuest } from "./guests.ts";
import { HOST_CALL } from "./host-guest.ts";
import { wasiImports } from "./wasi-guest.ts";

/** A command that calls `f` with its standard input, and writes the answer to standard output. */
const command = ({ allocator = ALLOCATOR, more = "", before = "", after = "" } = {}) =>
  assemble(`(module ${HOST_CALL} ${wasiImports("fd_read", "fd_write", "proc_exit")} (memory (export "memory") 2) ${allocator} ${more}
    (data (i32.const 16) "f")
    (func (export "_start") (local $answer i64) ${before}
      (i32.store (i32.const 32) (i32.const 65536)) (i32.store (i32.const 36) (i32.const 65536))
      (drop (call $fd_read (i32.const 0) (i32.const 32) (i32.const 1) (i32.const 40)))
      (local.set $answer
        (call $host_call (i32.const 16) (i32.const 1) (i32.const 65536) (i32.load (i32.const 40))))
      (i32.store (i32.const 32) (i32.wrap_i64 (i64.shr_u (local.get $answer) (i64.const 32))))
      (i32.store (i32.const 36) (i32.wrap_i64 (local.get $answer)))
      (drop (call $fd_write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40))) ${after}))`);

const RUN = ["run"];

describe("a WASI command that calls the host", () => {
  it("gets answers in each of its runs, whose memory is fresh", async () => {
    const seen: unknown[] = [];
    const module = await loadGuest(command(), {
      exports: RUN,
      hostFunctions: { f: (value: unknown) => ({ count: seen.push(value) }) },
    });
    for (const [index, payload] of ["1", '"é"', "[2]"].entries())
      expect(await module.invoke("run", payload)).toBe(`={"count":${index + 1}}`);
    expect(seen).toEqual([1, "é", [2]]);
    expect(module.stats().instancesCreated).toBe(1);
  });

  it("may exit with 0 afterwards, and is not called on after an exit that it caught", async () => {
    let calls = 0;
    const hostFunctions = { f: () => ++calls };
    const exits = command({ after: "(call $proc_exit (i32.const 0)) unreachable" });
    expect(await (await loadGuest(exits, { exports: RUN, hostFunctions })).invoke("run", "1")).toBe("=1");
    const caught = command({ before: "(try (do (call $proc_exit (i32.const 0))) (catch_all))" });
    expect(await (await loadGuest(caught, { exports: RUN, hostFunctions })).invoke("run", "1")).toBe("null");
    expect(calls).toBe(1);
  });

  it("cannot call it from a start function, in no run", async () => {
    const start =
      "(func $begin (drop (call $host_call (i32.const 16) (i32.const 1) (i32.const 0) (i32.const 0)))) (start $begin)";
    let calls = 0;
    const module = await loadGuest(command({ more: start }), { exports: RUN, hostFunctions: { f: () => ++calls } });
    for (let i = 0; i < 3; i++)
      expect((await failure(() => module.invoke("run", "1"))).message).toContain("called by the start function");
    expect(calls).toBe(0);
  });

  it.each([
    [
      "an allocator",
      "",
      "so it must export __base_alloc and __base_free for the host's answers, and has no __base_alloc",
    ],
    ["a free", '(func (export "__base_alloc") (param i32) (result i32) unreachable)', "has no __base_free"],
    [
      "an allocator of the right type",
      '(func (export "__base_alloc") (result i32) unreachable) (func (export "__base_free") (param i32 i32))',
      "exports __base_alloc of type () -> i32, and it must be (i32) -> i32",
    ],
  ])("is refused at load without %s", async (_, allocator, message) => {
    const error = await failure(() => loadGuest(command({ allocator }), { exports: RUN, lazy: true }));
    expect(error.code).toBe("ERR_EXT_BAD_MANIFEST");
    expect(error.message).toContain(message);
  });

  it("is taken for the pointer ABI where it exports the functions of its manifest", async () => {
    const module = await loadGuest(command({ more: ECHO }));
    expect(await module.invoke("echo", "[1]")).toBe("[1]");
  });
});

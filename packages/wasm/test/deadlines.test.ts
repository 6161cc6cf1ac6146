import { ExtensionError, type Limits, type Module } from "extruntime";
import { describe, expect, it, vi } from "vitest";
import { wasm } from "../src/index.ts";
import { assemble, codeOf, failure, guestFunction, pointerGuest } from "./guests.ts";

const RANDOM = `(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))`;
const SLEEP = `(import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))`;
const EXIT = `(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))`;

interface Hostile {
  /** What the guest's function does. */
  readonly run: string;
  readonly more?: string;
  readonly imports?: string;
  readonly memory?: string;
}

/** Asks for the host function `f`, and answers nothing. */
const CALLS_HOST = pointerGuest(
  `(data (i32.const 16) "f1") ${guestFunction("run", "(drop (call $host (i32.const 16) (i32.const 1) (i32.const 17) (i32.const 1))) (i64.const 0)")}`,
  { imports: `(import "extruntime" "host_call" (func $host (param i32 i32 i32 i32) (result i64)))` },
);

const FIB = `(func $fib (param i32) (result i32)
  (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (i32.const 1))
    (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))))`;
const DAG = Array.from(
  { length: 60 },
  (_, i) => `(func $d${i} ${i < 59 ? `(call $d${i + 1}) (call $d${i + 1})` : ""})`,
);
const STORES = "(i64.store (i32.const 0) (i64.div_u (i64.load (i32.const 8)) (i64.const 3)))";

/** None of them ends, or not in a day. */
const HOSTILE: Readonly<Record<string, Hostile>> = {
  "a loop of nothing": { run: "(loop br 0)" },
  "functions that call each other": { run: "(drop (call $fib (i32.const 60)))", more: FIB },
  "calls without loops": { run: "(call $d0)", more: DAG.join(" ") },
  "tail calls": { run: "(call $tail)", more: "(func $tail (return_call $tail))" },
  "indirect calls": {
    run: "(loop (call_indirect (type $none) (i32.const 0)) br 0)",
    more: "(type $none (func)) (table 1 funcref) (elem (i32.const 0) $empty) (func $empty)",
  },
  "a loop that catches all": { run: "(loop $l (try (do (loop $i (br $i))) (catch_all)) (br $l))" },
  "a thousand handlers that loop": {
    run: "(call $deep (i32.const 1000))",
    more: `(func $deep (param i32) (if (local.get 0) (then
      (try (do (call $deep (i32.sub (local.get 0) (i32.const 1))) (loop br 0)) (catch_all (loop br 0))))))`,
  },
  "a host function's refusal that is caught": {
    run: "(loop $l (try (do (call $random (i32.const 0) (i32.const 1)) (drop)) (catch_all)) (br $l))",
    imports: RANDOM,
  },
  "long fills": { run: "(loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 30000000)) br 0)", memory: "500" },
  "fills one after the other": {
    run: "(memory.fill (i32.const 0) (i32.const 1) (i32.const 30000000))".repeat(3000),
    memory: "500",
  },
  "long copies": { run: "(loop (memory.copy (i32.const 9) (i32.const 0) (i32.const 30000000)) br 0)", memory: "500" },
  "growth that fails by the largest number, caught": {
    run: "(loop $l (try (do (loop (drop (memory.grow (i32.const 0xfffffffe))) br 0)) (catch_all)) (br $l))",
  },
  "fills of a table": {
    run: "(loop (table.fill $t (i32.const 0) (ref.null func) (i32.const 100000)) br 0)",
    more: "(table $t 100000 funcref)",
  },
  "long functions without loops": { run: "(loop (call $long) br 0)", more: `(func $long ${STORES.repeat(10_000)})` },
  "many short functions": {
    run: `(loop ${"(call $short)".repeat(3000)} br 0)`,
    more: `(func $short ${STORES.repeat(7)})`,
  },
  "long work of the host's": {
    run: "(loop (drop (call $random (i32.const 0) (i32.const 60000))) br 0)",
    imports: RANDOM,
  },
};

const bytesOf = ({ run, more = "", imports = "", memory = "1" }: Hostile): Uint8Array =>
  pointerGuest(
    `${more} ${guestFunction("run", `${run} (i64.const 0)`)} ${guestFunction("echo", "(call $copy (local.get $pointer) (local.get $length))")}`,
    {
      imports,
      memory: `${memory} 4096`,
    },
  );

async function load(bytes: Uint8Array, exports: readonly string[], limits: Limits = {}): Promise<Module> {
  const manifest = {
    name: "guest",
    runtime: "wasm",
    module: "guest.wasm",
    exports: [...exports],
    limits: { maxInstances: 1, ...limits },
  };
  return wasm().load({ manifest, files: { "guest.wasm": bytes } });
}

const isTimeout = (error: unknown) => expect(ExtensionError.is(error, "ERR_EXT_TIMEOUT"), String(error)).toBe(true);

describe("a deadline stops a guest on its caller's thread", () => {
  it.each(Object.entries(HOSTILE))("%s", async (_, hostile) => {
    const module = await load(bytesOf(hostile), ["run", "echo"], { timeoutMs: 50 });
    isTimeout(await failure(async () => module.invokeSync("run", "1")));
    isTimeout(await failure(() => module.invoke("run", "1", { timeoutMs: 20 })));
    // The instance was lost, and another serves.
    expect(await module.invoke("echo", "[1]", { timeoutMs: 120_000 })).toBe("[1]");
    await module.close();
  });

  it("in the allocator, in _initialize, in a start function, and in a command", async () => {
    const guest = (more: string, alloc = "(i32.const 1024)") =>
      assemble(`(module (memory (export "memory") 1) (func (export "__base_alloc") (param i32) (result i32) ${alloc})
        (func (export "__base_free") (param i32 i32)) (func (export "run") (param i32 i32) (result i64) (i64.const 0)) ${more})`);
    const limits = { timeoutMs: 50, loadTimeoutMs: 50 };
    const allocator = await load(guest("", "(loop br 0) (i32.const 1024)"), ["run"], limits);
    isTimeout(await failure(() => allocator.invoke("run", "1")));
    for (const start of [`(func (export "_initialize") (loop br 0))`, "(func $start (loop br 0)) (start $start)"])
      isTimeout(await failure(() => load(guest(start), ["run"], limits)));
    const command = assemble(`(module (memory (export "memory") 1) (func (export "_start") (loop br 0)))`);
    isTimeout(await failure(async () => (await load(command, ["run"], limits)).invoke("run", "1")));
  });

  it("and the time of its start is over once it has started: a call without a deadline has none", async () => {
    const module = await wasm().load(
      {
        manifest: { name: "guest", runtime: "wasm", module: "guest.wasm", exports: ["run"], permissions: ["f"] },
        files: { "guest.wasm": CALLS_HOST },
      },
      { hostFunctions: { f: () => 1 } },
    );
    const now = performance.now.bind(performance);
    // Past the 30 seconds that a start has by default.
    const later = vi.spyOn(performance, "now").mockImplementation(() => now() + 60_000);
    try {
      expect(await module.invoke("run", "1")).toBe("null");
    } finally {
      later.mockRestore();
    }
  });

  it("while it sleeps", async () => {
    // One subscription of the clock: 90 ms from now.
    const sleep = `(i64.store (i32.const 24) (i64.const 90000000)) (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))`;
    const module = await load(bytesOf({ run: sleep, imports: SLEEP }), ["run", "echo"]);
    const start = performance.now();
    isTimeout(await failure(() => module.invoke("run", "1", { timeoutMs: 10 })));
    expect(performance.now() - start).toBeGreaterThanOrEqual(10);
  });

  it("and a guest that catches its own exit is ended at once", async () => {
    const module = await load(
      bytesOf({ run: "(loop $l (try (do (call $exit (i32.const 4))) (catch_all)) (br $l))", imports: EXIT }),
      ["run"],
      { timeoutMs: 120_000 },
    );
    const error = await failure(() => module.invoke("run", "1"));
    expect(error.message).toContain("exit code 4");
  });
});

describe("a deadline on a guest that was loaded without one", () => {
  const COUNT = `(global $count (mut i32) (i32.const 0)) ${guestFunction(
    "count",
    "(global.set $count (i32.add (global.get $count) (i32.const 1))) (i32.store (i32.const 60000) (i32.add (i32.load (i32.const 60000)) (i32.const 10))) (call $number (i32.add (global.get $count) (i32.load (i32.const 60000))))",
  )} ${guestFunction("grow", "(call $number (memory.grow (i32.const 1)))")}`;

  it("costs it nothing of its state", async () => {
    const module = await load(pointerGuest(COUNT), ["count", "grow"]);
    expect(await module.invoke("count", "1")).toBe("11");
    expect(await module.invoke("grow", "1")).toBe("1");
    expect(await module.invoke("count", "1", { timeoutMs: 120_000 })).toBe("22");
    expect(module.invokeSync("grow", "1")).toBe("2");
    expect(module.invokeSync("count", "1", { timeoutMs: 120_000 })).toBe("33");
    expect(await module.invoke("count", "1")).toBe("44");
  });

  it("is refused with the remedy where its state cannot be moved", async () => {
    const table = `(table $t 1 funcref) ${guestFunction("set", "(table.set $t (i32.const 0) (ref.null func)) (i64.const 0)")}`;
    const module = await load(pointerGuest(table), ["set"]);
    const error = await failure(() => module.invoke("set", "1", { timeoutMs: 120_000 }));
    expect([error.code, error.message]).toEqual(["ERR_EXT_UNSUPPORTED", expect.stringContaining("limits.timeoutMs")]);
    expect(await module.invoke("set", "1")).toBe("null");
    const known = await load(pointerGuest(table), ["set"], { timeoutMs: 120_000 });
    expect(await known.invoke("set", "1")).toBe("null");
  });

  it("leaves a deadline of another call alone", async () => {
    const module = await load(bytesOf({ run: "(loop br 0)" }), ["run", "echo"]);
    expect(await codeOf(() => module.invoke("run", "1", { timeoutMs: 20 }))).toBe("ERR_EXT_TIMEOUT");
    for (let i = 0; i < 20; i++)
      expect(await module.invoke("echo", "[2]", i % 2 ? { timeoutMs: 120_000 } : {})).toBe("[2]");
  });
});

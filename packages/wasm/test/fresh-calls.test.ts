import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ExtensionError, type Limits, type Module } from "extruntime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { wasm } from "../src/index.ts";
import { assemble, codeOf, failure, guestFunction, pointerGuest } from "./guests.ts";

const FIXTURES = new URL("../../../fixtures/validate-email/", import.meta.url);
const FRESH = { fresh: "call" } as const;

/** WebAssembly instances that were made of modules with a memory: a guest's. */
let made = 0;
const api = (globalThis as unknown as { WebAssembly: { Instance: new (...args: never[]) => { exports: object } } })
  .WebAssembly;
const { Instance } = api;

beforeEach(() => {
  made = 0;
  api.Instance = new Proxy(Instance, {
    construct(target, args) {
      const instance = Reflect.construct(target, args);
      if ("memory" in instance.exports) made++;
      return instance;
    },
  });
});
afterEach(() => {
  api.Instance = Instance;
});

function load(
  bytes: Uint8Array,
  exports: readonly string[],
  limits: Limits = {},
  lines: string[] = [],
): Promise<Module> {
  const manifest = { name: "guest", runtime: "wasm", module: "guest.wasm", exports: [...exports] };
  const line = (message: string) => void lines.push(message);
  return wasm().load(
    { manifest, files: { "guest.wasm": bytes } },
    { limits: { maxInstances: 1, ...limits }, logger: { info: line, warn: line, error: line } },
  );
}

/** Counts in a global and in memory, from what the top level set on; fails, loops and grows where the payload begins so. */
const COUNTER = pointerGuest(
  `(global $count (mut i32) (i32.const 0))
  ${guestFunction(
    "next",
    `(global.set $count (i32.add (global.get $count) (i32.const 1)))
    (i32.store (i32.const 2000) (i32.add (i32.load (i32.const 2000)) (i32.const 1)))
    (if (i32.eq (i32.load8_u (local.get $pointer)) (i32.const 33)) (then unreachable))
    (if (i32.eq (i32.load8_u (local.get $pointer)) (i32.const 45)) (then (loop br 0)))
    (if (i32.eq (i32.load8_u (local.get $pointer)) (i32.const 43)) (then
      (drop (memory.grow (i32.const 700)))
      (memory.fill (i32.const 65536) (i32.const 1) (i32.mul (i32.const 699) (i32.const 65536)))))
    (call $number (i32.add (i32.mul (i32.load (i32.const 2000)) (i32.const 1000)) (i32.add (i32.mul (memory.size) (i32.const 10)) (global.get $count))))`,
  )}
  (func $begin (i32.store (i32.const 2000) (i32.const 4)))`,
  { start: "(start $begin)", memory: "1 1000" },
);
/** What the first call after the top level answers: 5 in memory, one page, 1 in the global. */
const FIRST = "5011";

describe("fresh calls", () => {
  it("of one instance, which is put back: after answers, traps and deadlines", async () => {
    const module = await load(COUNTER, ["next"], FRESH);
    for (let i = 0; i < 20; i++) expect(await module.invoke("next", "1")).toBe(FIRST);
    for (let i = 0; i < 3; i++) {
      expect(await codeOf(() => module.invoke("next", "!"))).toBe("ERR_EXT_GUEST");
      expect(module.invokeSync("next", "1")).toBe(FIRST);
    }
    expect(made).toBe(1);
    // It goes on in the build with ticks.
    for (let i = 0; i < 3; i++) {
      expect(await codeOf(() => module.invoke("next", "-", { timeoutMs: 20 }))).toBe("ERR_EXT_TIMEOUT");
      expect(await module.invoke("next", "1")).toBe(FIRST);
    }
    expect([made, module.stats().instancesCreated, module.stats().instancesReplaced]).toEqual([2, 1, 0]);
  });

  it("find the size that the memory had, and what had grown is zero", async () => {
    const module = await load(COUNTER, ["next"], FRESH);
    for (let i = 0; i < 3; i++) {
      expect(await module.invoke("next", "+")).toBe(String(5 * 1000 + 701 * 10 + 1));
      expect(await module.invoke("next", "1")).toBe(FIRST);
    }
    // By more than is worth putting back: each time there is another.
    expect(made).toBe(4);
  });

  it("in a module whose code changes its table begin with another instance", async () => {
    const guest = pointerGuest(
      `(table $t 1 funcref) (elem (i32.const 0) $free)
      ${guestFunction("next", `(if (ref.is_null (table.get $t (i32.const 0))) (then unreachable)) (table.set $t (i32.const 0) (ref.null func)) (call $number (i32.const 7))`)}`,
    );
    const module = await load(guest, ["next"], FRESH);
    for (let i = 0; i < 3; i++) expect(await module.invoke("next", "1")).toBe("7");
    expect([made, module.stats().instancesCreated]).toEqual([3, 1]);
  });

  it("find their descriptors open and their clock where the top level left it", async () => {
    const wasi = (name: string, params: string) =>
      `(import "wasi_snapshot_preview1" "${name}" (func $${name} (param ${params}) (result i32)))`;
    const body = `(drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 3000)))
      (i64.store (i32.const 3008) (i64.div_u (i64.load (i32.const 3000)) (i64.const 1000000)))
      (call $number (i32.add (i32.mul (call $fd_close (i32.const 1)) (i32.const 100000)) (i32.load (i32.const 3008))))`;
    const guest = pointerGuest(guestFunction("run", body), {
      imports: wasi("fd_close", "i32") + wasi("clock_time_get", "i32 i64 i32"),
    });
    const begun = performance.now();
    const module = await load(guest, ["run"], FRESH);
    await module.invoke("run", "1");
    const waiting = performance.now();
    while (performance.now() < waiting + 400) await new Promise(setImmediate);
    const waited = performance.now() - waiting;
    // 0 is a descriptor that was open; and the clock has not run while nothing of the guest did.
    const clock = Number(await module.invoke("run", "1"));
    expect(clock).toBeLessThanOrEqual(performance.now() - begun - waited);
    await module.close();
    const lasting = await load(guest, ["run"]);
    await lasting.invoke("run", "1");
    expect(Number(await lasting.invoke("run", "1"))).toBeGreaterThan(100_000);
  });

  it("of what AssemblyScript's console keeps", async () => {
    const lines: string[] = [];
    const guest = pointerGuest(
      `(data (i32.const 3000) "\\02\\00\\00\\00t\\00") ${guestFunction("run", "(call $time (i32.const 3004)) (i64.const 0)")}`,
      { imports: `(import "env" "console.time" (func $time (param i32)))` },
    );
    const module = await load(guest, ["run"], FRESH, lines);
    for (let i = 0; i < 3; i++) await module.invoke("run", "1");
    expect(lines).toEqual([]);
    const lasting = await load(guest, ["run"], {}, lines);
    for (let i = 0; i < 2; i++) await lasting.invoke("run", "1");
    expect(lines).toEqual(["the timer t runs already"]);
  });
});

describe("an instance whose call failed", () => {
  it("is put back in place from the second time on", async () => {
    const module = await load(COUNTER, ["next"], { timeoutMs: 60_000 });
    expect(await module.invoke("next", "1")).toBe(FIRST);
    for (let i = 0; i < 6; i++) {
      const call = () => (i % 2 === 0 ? module.invoke("next", "!") : module.invoke("next", "-", { timeoutMs: 20 }));
      expect(await codeOf(call)).toBe(i % 2 === 0 ? "ERR_EXT_GUEST" : "ERR_EXT_TIMEOUT");
      expect(await module.invoke("next", "1")).toBe(FIRST);
      expect(await module.invoke("next", "1")).toBe("6012");
    }
    expect([made, module.stats().instancesCreated]).toEqual([2, 2]);
  });

  it("is replaced where it cannot be put back", async () => {
    const guest = pointerGuest(
      `(table $t 1 funcref) ${guestFunction("next", "(table.set $t (i32.const 0) (ref.null func)) unreachable")}`,
    );
    const module = await load(guest, ["next"]);
    for (let i = 0; i < 3; i++) expect(ExtensionError.is(await failure(() => module.invoke("next", "1")))).toBe(true);
    expect(module.stats().instancesReplaced).toBe(3);
  });
});

interface Row {
  readonly payload: string;
  readonly expected: unknown;
}

const TABLE = JSON.parse(readFileSync(new URL("table.json", FIXTURES), "utf8")) as Row[];

describe.each(["assemblyscript", "rust", "rust-command", "c", "c-command", "go", "go-reactor"])("in %s", (language) => {
  const folder = new URL(`wasm-${language}/`, FIXTURES);

  it.skipIf(!existsSync(new URL("validate.wasm", folder)))(
    "calls answer the same, in one or two instances",
    async () => {
      const module = await wasm().load(fileURLToPath(folder), { limits: { ...FRESH, maxInstances: 1 } });
      for (const { payload, expected } of TABLE)
        expect(JSON.parse(await module.invoke("validate", payload))).toEqual(expected);
      // Of a command the first run keeps nothing.
      expect(made).toBeLessThanOrEqual(2);
      await module.close();
    },
  );
});

it("a start function runs once, and not again when it is put back", async () => {
  const lines: string[] = [];
  const guest = assemble(`(module (import "env" "console.log" (func $log (param i32)))
    (memory (export "memory") 1) (global $n (mut i32) (i32.const 0))
    (func (export "__base_alloc") (param i32) (result i32) (i32.const 1024))
    (func (export "__base_free") (param i32 i32))
    (func (export "run") (param i32 i32) (result i64) (i64.const 0))
    (func $begin (call $log (i32.const 0)) (global.set $n (i32.const 1))) (start $begin))`);
  const module = await load(guest, ["run"], FRESH, lines);
  for (let i = 0; i < 3; i++) expect(await module.invoke("run", "1")).toBe("null");
  expect(lines.length).toBe(1);
});

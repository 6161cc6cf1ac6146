import type { HostFunctions, LogFields, Module } from "extruntime";
import wabt from "wabt";
import { type WasmOptions, wasm } from "../src/index.ts";

const assembler = await wabt();
const FEATURES = {
  bulk_memory: true,
  exceptions: true,
  multi_memory: true,
  memory64: true,
  threads: true,
  reference_types: true,
  tail_call: true,
};

/** WebAssembly text to a binary. */
export function assemble(text: string): Uint8Array {
  const parsed = assembler.parseWat("guest.wat", text, FEATURES);
  const { buffer } = parsed.toBinary({ write_debug_names: true });
  parsed.destroy();
  return buffer;
}

/** An allocator that grows the memory, takes back at once what it gave out last, answers 0 when it cannot, and traps when more is freed than was given out. */
export const ALLOCATOR = `
  (global $top (mut i32) (i32.const 4096))
  (global $live (mut i32) (i32.const 0))
  (func $alloc (export "__base_alloc") (param $size i32) (result i32) (local $pointer i32)
    (local.set $pointer (global.get $top))
    (block $fits (loop $grow
      (br_if $fits (i64.le_u
        (i64.add (i64.extend_i32_u (global.get $top)) (i64.extend_i32_u (local.get $size)))
        (i64.mul (i64.extend_i32_u (memory.size)) (i64.const 65536))))
      (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then (return (i32.const 0))))
      (br $grow)))
    (global.set $live (i32.add (global.get $live) (i32.const 1)))
    (global.set $top (i32.add (global.get $top) (local.get $size)))
    (local.get $pointer))
  (func $free (export "__base_free") (param $pointer i32) (param $size i32)
    (if (i32.eq (i32.add (local.get $pointer) (local.get $size)) (global.get $top))
      (then (global.set $top (local.get $pointer))))
    (if (i32.eqz (global.get $live)) (then unreachable))
    (global.set $live (i32.sub (global.get $live) (i32.const 1)))
    (if (i32.eqz (global.get $live)) (then (global.set $top (i32.const 4096)))))
  (func $packed (param $pointer i32) (param $length i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get $pointer)) (i64.const 32)) (i64.extend_i32_u (local.get $length))))
  (func $copy (param $pointer i32) (param $length i32) (result i64) (local $to i32)
    (local.set $to (call $alloc (local.get $length)))
    (memory.copy (local.get $to) (local.get $pointer) (local.get $length))
    (call $packed (local.get $to) (local.get $length)))
  ;; Answers with a number as JSON text of up to ten digits.
  (func $number (param $value i32) (result i64) (local $at i32)
    (local.set $at (i32.const 1034))
    (loop $digit
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $value) (i32.const 10))))
      (local.set $value (i32.div_u (local.get $value) (i32.const 10)))
      (br_if $digit (local.get $value)))
    (call $copy (local.get $at) (i32.sub (i32.const 1034) (local.get $at))))`;

/** A module of the pointer ABI with a memory, an allocator that works, and this besides. Imports come before all else. */
export function pointerGuest(body: string, { imports = "", memory = "1", start = "" } = {}): Uint8Array {
  return assemble(`(module ${imports} (memory (export "memory") ${memory}) ${ALLOCATOR} ${body} ${start})`);
}

/** The body of one guest function of the pointer ABI. */
export function guestFunction(name: string, body: string): string {
  return `(func $${name} (export "${name}") (param $pointer i32) (param $length i32) (result i64) ${body})`;
}

export const ECHO = guestFunction("echo", "(call $copy (local.get $pointer) (local.get $length))");

export interface LogLine {
  readonly level: string;
  readonly message: string;
}

export interface GuestOptions extends WasmOptions {
  readonly name?: string;
  readonly exports?: readonly string[];
  readonly memoryMb?: number;
  readonly pool?: number;
  readonly log?: LogLine[];
  readonly lazy?: boolean;
  /** All of them are granted where `permissions` does not say otherwise. */
  readonly hostFunctions?: HostFunctions;
  readonly permissions?: readonly string[];
  readonly settings?: Record<string, unknown>;
}

/** Loads a module from memory, in a runtime of its own. */
export async function loadGuest(bytes: Uint8Array, options: GuestOptions = {}): Promise<Module> {
  const { name = "guest", exports = ["echo"], memoryMb, pool = 1, log, lazy, settings, ...others } = options;
  const { hostFunctions, permissions = Object.keys(hostFunctions ?? {}), ...runtime } = others;
  const limits = { maxInstances: pool, ...(memoryMb === undefined ? {} : { memoryMb }) };
  const manifest = {
    ...{ name, runtime: "wasm", module: "guest.wasm", exports: [...exports], limits },
    permissions: [...permissions],
  };
  const write = (level: string) => (message: string, _fields: LogFields) => log?.push({ level, message });
  return wasm(runtime).load(
    { manifest: settings === undefined ? manifest : { ...manifest, wasm: settings }, files: { "guest.wasm": bytes } },
    {
      lazy,
      hostFunctions,
      logger: { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
    },
  );
}

/** What `action` fails with. */
export async function failure(
  action: () => unknown,
): Promise<Error & { code?: string; guest?: { name: string; message: string; stack: string } }> {
  try {
    await action();
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not fail");
}

export async function codeOf(action: () => unknown): Promise<string | undefined> {
  return (await failure(action)).code;
}

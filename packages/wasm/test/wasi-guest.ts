import { pointerGuest } from "./guests.ts";

const I32 = (count: number) => "i32 ".repeat(count);

/** Imports of WASI functions under their own names. */
const WASI_IMPORTS: Record<string, string> = {
  args_get: `(param ${I32(2)}) (result i32)`,
  args_sizes_get: `(param ${I32(2)}) (result i32)`,
  environ_get: `(param ${I32(2)}) (result i32)`,
  environ_sizes_get: `(param ${I32(2)}) (result i32)`,
  clock_res_get: `(param ${I32(2)}) (result i32)`,
  clock_time_get: "(param i32 i64 i32) (result i32)",
  random_get: `(param ${I32(2)}) (result i32)`,
  fd_read: `(param ${I32(4)}) (result i32)`,
  fd_write: `(param ${I32(4)}) (result i32)`,
  fd_close: "(param i32) (result i32)",
  fd_seek: "(param i32 i64 i32 i32) (result i32)",
  fd_fdstat_get: `(param ${I32(2)}) (result i32)`,
  fd_prestat_get: `(param ${I32(2)}) (result i32)`,
  poll_oneoff: `(param ${I32(4)}) (result i32)`,
  proc_exit: "(param i32)",
  sched_yield: "(result i32)",
  path_open: `(param ${I32(5)} i64 i64 i32 i32) (result i32)`,
  sock_send: `(param ${I32(5)}) (result i32)`,
};

export function wasiImports(...names: string[]): string {
  return names
    .map((name) => `(import "wasi_snapshot_preview1" "${name}" (func $${name} ${WASI_IMPORTS[name]}))`)
    .join("\n");
}

/** All imports, as the import section must come first. */
export const ALL_WASI = wasiImports(...Object.keys(WASI_IMPORTS));

/** A pointer guest whose `echo` answers with the number that `body` leaves; `$p` is a place for results. */
export function wasiProbe(body: string, { memory = "1", data = "" } = {}): Uint8Array {
  return pointerGuest(
    `(global $p i32 (i32.const 2048)) ${data}
     (func $line (param $fd i32) (param $at i32) (param $length i32) (result i32)
       (i32.store (i32.const 3000) (local.get $at)) (i32.store (i32.const 3004) (local.get $length))
       (call $fd_write (local.get $fd) (i32.const 3000) (i32.const 1) (i32.const 3008)))
     (func (export "echo") (param i32 i32) (result i64) (call $number ${body}))`,
    { imports: ALL_WASI, memory },
  );
}

import { guestFunction, pointerGuest } from "./guests.ts";

export const HOST_CALL = '(import "extruntime" "host_call" (func $host_call (param i32 i32 i32 i32) (result i64)))';

/** Where {@link named} puts the name. */
const NAME_AT = 16;

/** A name in the guest's memory. */
export function named(name: string): string {
  const bytes = [...Buffer.from(name)].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
  return `(data (i32.const ${NAME_AT}) "${bytes}")`;
}

/** Calls the host function of that name, which {@link named} has put there, with the guest function's own payload. */
export function callNamed(name: string): string {
  return `(call $host_call (i32.const ${NAME_AT}) (i32.const ${Buffer.byteLength(name)}) (local.get $pointer) (local.get $length))`;
}

/** A guest whose `echo` calls one host function with the payload, and returns the answer as it is, in the answer's own buffer. */
export function caller(name: string, more = ""): Uint8Array {
  return pointerGuest(`${named(name)} ${guestFunction("echo", callNamed(name))} ${LIVE} ${more}`, {
    imports: HOST_CALL,
  });
}

/** A guest function `live`: buffers that were given out and not given back. Its own payload is one. */
export const LIVE = guestFunction("live", "(call $number (global.get $live))");

/** A guest with this `echo`. The name `f` is in its memory at 16. */
export function hostGuest(body: string, more = "", options = {}): Uint8Array {
  return pointerGuest(`${named("f")} ${guestFunction("echo", body)} ${LIVE} ${more}`, {
    imports: HOST_CALL,
    ...options,
  });
}

// The pointer ABI: texts of the host's, and results as a packed pointer and length.

import { fail, host_call } from "./extruntime";

/** Where the host has put the value of a call. */
export type In = usize;
/** Its bytes. */
export type Size = usize;
/** Where the host finds the result. */
export type Out = u64;

/** A text as a result, which the host frees. */
export function give(text: string): Out {
  const length = String.UTF8.byteLength(text);
  const pointer = heap.alloc(length);
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, pointer);
  return ((<u64>pointer) << 32) | <u64>length;
}

/** The text that a host function answers with: its first character says whether it returned or failed. */
export function call(name: string, payload: string): string {
  const nameBytes = String.UTF8.encode(name);
  const bytes = String.UTF8.encode(payload);
  const packed = host_call(
    changetype<usize>(nameBytes),
    nameBytes.byteLength,
    changetype<usize>(bytes),
    bytes.byteLength,
  );
  const pointer = <usize>(packed >> 32);
  const answer = String.UTF8.decodeUnsafe(pointer, <usize>(<u32>packed));
  heap.free(pointer);
  return answer;
}

/** Ends the call; it does not return. */
export function end(name: string, message: string): void {
  const nameBytes = String.UTF8.encode(name);
  const bytes = String.UTF8.encode(message);
  fail(changetype<usize>(nameBytes), nameBytes.byteLength, changetype<usize>(bytes), bytes.byteLength);
}

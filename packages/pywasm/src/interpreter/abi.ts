import type { WasmMemory } from "@extruntime/wasm/machine";

/** What the host and the interpreter call each other by. `native/` has the other side. */

/** How a call of an export ends. */
export const STATUS = {
  done: 0,
  waiting: 1,
  failed: 2,
  badPayload: 3,
  badResult: 4,
  tooLong: 5,
  coroutine: 6,
  broken: 7,
} as const;

/** Exports of the interpreter. Pointers and lengths are numbers of 32 bits that may come as negative ones; statuses are of {@link STATUS}. */
export interface InterpreterExports {
  _initialize(): void;
  /** Starts Python with a seed for hashes, of 32 bits, and runs the Python half, whose text is in the room for input. */
  ext_start(length: number, hashSeed: number): number;
  /** Room for input of the host's, 0 where there is no memory for it. */
  ext_room(length: number): number;
  /** Place of the {@link ANSWER}. */
  ext_answer(): number;
  ext_heap_end(): number;
  ext_load(length: number, resultBytes: number, hostCallBytes: number): number;
  ext_call(fn: number, length: number, mayWait: number): number;
  ext_go_on(): number;
  ext_cancel(): number;
  ext_renew(): number;
  /** Room for the answer of a host function. */
  ext_answer_room(length: number): number;
  ext_answered(number: number, length: number): number;
}

/** Offsets in the answer that belongs to a status. */
export const ANSWER = { text: 0, length: 4, wait: 8 } as const;

/** Functions that the interpreter imports from `extruntime`. */
export interface InterpreterImports {
  /** Lets the memory be as long as `bytes`. 0 where it may not. */
  grow(bytes: number): number;
  /** Calls a host function and waits; the answer goes into its room, and its length is returned. */
  host_call(name: number, nameLength: number, payload: number, payloadLength: number): number;
  /** Begins the same: the number by which the answer comes, or 0 where it is there, with its length at `lengthOut`. */
  host_begin(name: number, nameLength: number, payload: number, payloadLength: number, lengthOut: number): number;
  write(level: number, text: number, length: number): void;
}

export const MEMORY_IMPORT = { module: "env", name: "memory" } as const;

export interface MemoryMaker {
  new (descriptor: { initial: number; maximum: number }): WasmMemory;
}

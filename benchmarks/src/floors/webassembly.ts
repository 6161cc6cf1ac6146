import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { WASI } from "node:wasi";
import { fixture } from "extruntime-fixtures";
import { GUESTS } from "../paths.ts";
import { NoSuchGuest, type Opened, type OpenOptions } from "../subjects/subject.ts";

/** The part of the WebAssembly API that is used here; Node has it, and its types leave it to those of browsers. */
declare namespace WebAssembly {
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
  interface Instance {
    readonly exports: object;
  }
  function compile(bytes: Uint8Array): Promise<object>;
  function instantiate(module: object, imports: object): Promise<Instance>;
}

/** Of a guest of the pointer ABI. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly __base_alloc: (length: number) => number;
  readonly __base_free: (pointer: number, length: number) => void;
  readonly [fn: string]: unknown;
}

/** Node's own methods for text in a buffer, which its types leave out. */
interface TextBuffer extends Buffer {
  utf8Write(text: string, offset: number, length: number): number;
  utf8Slice(start: number, end: number): string;
}

/**
 * The fastest loop that we can write by hand around the exports of one module that does what the engine must do too:
 * bounds and UTF-8 are checked.
 */
export async function webAssemblyByHand({ guest }: OpenOptions, variant = "wasm-c"): Promise<Opened> {
  const exports = await instantiate(guestFile(guest, variant));
  const { memory, __base_alloc: alloc, __base_free: free } = exports;
  let bytes = view(memory);
  const packed = new BigInt64Array(1);
  const halves = new Uint32Array(packed.buffer);

  function callSync(fn: string, payload: string): string {
    const length = Buffer.byteLength(payload);
    const pointer = alloc(length);
    if (bytes.length === 0) bytes = view(memory);
    if (pointer + length > bytes.length) throw new RangeError("out of bounds");
    bytes.utf8Write(payload, pointer, length);
    packed[0] = (exports[fn] as (pointer: number, length: number) => bigint)(pointer, length);
    const resultLength = halves[0]!;
    const resultPointer = halves[1]!;
    const end = resultPointer + resultLength;
    if (bytes.length === 0) bytes = view(memory);
    if (end > bytes.length) throw new RangeError("out of bounds");
    const result = bytes.utf8Slice(resultPointer, end);
    if (result.includes("\uFFFD") && !isUtf8(bytes.subarray(resultPointer, end))) throw new TypeError("not UTF-8");
    free(resultPointer, resultLength);
    free(pointer, length);
    return result;
  }
  return { callSync, call: async (fn, payload) => callSync(fn, payload), close() {} };
}

function view(memory: WebAssembly.Memory): TextBuffer {
  return Buffer.from(memory.buffer) as TextBuffer;
}

function guestFile(guest: OpenOptions["guest"], variant: string): string {
  if (guest === "validate") return join(fixture(`validate-email/${variant}`), "validate.wasm");
  if (guest === "compute") return join(GUESTS, "compute/wasm/compute.wasm");
  throw new NoSuchGuest("WebAssembly on the calling thread cannot be stopped");
}

async function instantiate(path: string): Promise<Exports> {
  const module = await WebAssembly.compile(await readFile(path));
  const wasi = new WASI({ version: "preview1" });
  const imports = { ...wasi.getImportObject(), env: { abort() {} } };
  const instance = await WebAssembly.instantiate(module, imports);
  if ("_initialize" in instance.exports) wasi.initialize(instance);
  return instance.exports as unknown as Exports;
}

import { Buffer } from "node:buffer";
import type { QuickJSExports } from "./build.ts";
import type { WasmMemory } from "./webassembly.ts";

/** Node's own string calls on a Buffer: they are there in every version, and cost less than `write` and `toString`. */
interface TextBuffer extends Buffer {
  /** Writes at most `length` bytes; a lone surrogate as U+FFFD. Returns how many. */
  utf8Write(text: string, offset: number, length: number): number;
  utf8Slice(start: number, end: number): string;
}

/** Bytes that are kept for payloads between calls. */
const SCRATCH_BYTES = 16_384;
/** Bytes in which the end of a text is looked for by hand. */
const NEAR_BYTES = 256;
const LONE_SURROGATE = /\p{Surrogate}/u;
const LONE_SURROGATES = /\p{Surrogate}/gu;

/** Text and numbers in a linear memory with QuickJS in it. */
export abstract class MemoryText {
  abstract readonly exports: QuickJSExports;
  protected readonly memory: WasmMemory;
  #scratch = 0;
  #bytes: TextBuffer;
  #view: DataView;

  constructor(memory: WasmMemory) {
    this.memory = memory;
    this.#bytes = Buffer.from(memory.buffer) as TextBuffer;
    this.#view = new DataView(memory.buffer);
  }

  /** Keeps room for short texts. To be called once, when its code has started. */
  protected reserve(): void {
    this.#scratch = this.exports.malloc(SCRATCH_BYTES);
  }

  /**
   * Puts text into the memory as UTF-8 with a NUL behind it and passes its address on. UTF-8 has no lone surrogates:
   * they are written as JSON's escapes, which mean the same within the strings of a payload.
   * The address is valid until `use` returns, or until text is put there the next time.
   * `undefined` when there is no room for it.
   */
  withText(text: string, use: (pointer: number, bytes: number) => number): number | undefined {
    if (text.length * 3 < SCRATCH_BYTES) {
      const length = this.buffer().utf8Write(text, this.#scratch, SCRATCH_BYTES);
      if (length !== text.length && LONE_SURROGATE.test(text)) return this.withText(escaped(text), use);
      this.#bytes[this.#scratch + length] = 0;
      return use(this.#scratch, length);
    }
    const size = Buffer.byteLength(text);
    if (size !== text.length && LONE_SURROGATE.test(text)) return this.withText(escaped(text), use);
    const pointer = this.exports.malloc(size + 1);
    if (pointer === 0) return undefined;
    this.buffer().utf8Write(text, pointer >>> 0, size);
    this.#bytes[(pointer >>> 0) + size] = 0;
    const result = use(pointer, size);
    this.exports.free(pointer);
    return result;
  }

  /** The UTF-8 text at an address, up to its NUL. */
  text(pointer: number): string {
    const bytes = this.buffer();
    const start = pointer >>> 0;
    // Most texts are short, and a loop finds their end in half the time of a call.
    let end = start;
    for (const near = start + NEAR_BYTES; end < near; end++) if (bytes[end] === 0) return bytes.utf8Slice(start, end);
    return bytes.utf8Slice(start, bytes.indexOf(0, end));
  }

  /** The same where it has so many bytes at the most; else how many it has. */
  textUpTo(pointer: number, most: number): string | number {
    const bytes = this.buffer();
    const start = pointer >>> 0;
    let end = start;
    for (const near = start + NEAR_BYTES; end < near; end++) if (bytes[end] === 0) return bytes.utf8Slice(start, end);
    end = bytes.indexOf(0, end);
    return end - start > most ? end - start : bytes.utf8Slice(start, end);
  }

  /** A view of some bytes, valid until the memory grows. */
  bytes(from: number, length: number): Uint8Array {
    return this.buffer().subarray(from >>> 0, (from >>> 0) + length);
  }

  setPointer(at: number, value: number): void {
    this.view().setInt32(at >>> 0, value, true);
  }

  /** Copies text to the heap for QuickJS to free, NUL at its end. Returns 0 when there is no room. */
  ownedText(text: string): number {
    const size = Buffer.byteLength(text);
    const pointer = this.exports.malloc(size + 1);
    if (pointer === 0) return 0;
    this.buffer().utf8Write(text, pointer >>> 0, size);
    this.#bytes[(pointer >>> 0) + size] = 0;
    return pointer;
  }

  /** A memory that grew has a new buffer; the old one has no length any more. */
  protected buffer(): TextBuffer {
    if (this.#bytes.length === 0) this.#refresh();
    return this.#bytes;
  }

  protected view(): DataView {
    if (this.#bytes.length === 0) this.#refresh();
    return this.#view;
  }

  #refresh(): void {
    this.#bytes = Buffer.from(this.memory.buffer) as TextBuffer;
    this.#view = new DataView(this.memory.buffer);
  }

  /** A number of eight bytes, from two halves. */
  setLong(at: number, low: number, high: number): void {
    this.setPointer(at, low);
    this.setPointer(at + 4, high);
  }

  /** Where two numbers stand behind each other in what was allocated at an address, or -1. For what a structure of QuickJS holds. */
  findLong(pointer: number, bytes: number, low: number, high: number): number {
    const view = this.view();
    for (let at = pointer >>> 0; at < (pointer >>> 0) + bytes; at += 8)
      if (view.getInt32(at, true) === low && view.getInt32(at + 4, true) === high) return at;
    return -1;
  }
}

function escaped(text: string): string {
  return text.replace(LONE_SURROGATES, (unit, at: number) => {
    let slashes = 0;
    while (text[at - 1 - slashes] === "\\") slashes++;
    // Behind a backslash it is no JSON, and must not become any.
    return slashes % 2 === 1 ? "\ufffd" : `\\u${unit.charCodeAt(0).toString(16)}`;
  });
}

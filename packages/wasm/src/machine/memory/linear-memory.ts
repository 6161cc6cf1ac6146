import type { WasmMemory } from "../webassembly.ts";

/** Node's own string calls on a Buffer; they are there in every version, and twice as fast as `TextEncoder` and `TextDecoder`. */
export interface TextBuffer extends Buffer {
  /** One byte for each UTF-16 unit; for text that is known to be ASCII. */
  latin1Write(text: string, offset: number, length: number): number;
  /** A lone surrogate is written as U+FFFD. */
  utf8Write(text: string, offset: number, length: number): number;
  /** Bytes that are not UTF-8 are read as U+FFFD. */
  utf8Slice(start: number, end: number): string;
}

const DETACHED = Buffer.alloc(0) as TextBuffer;

/**
 * The linear memory of one instance, as the host sees it. Growth detaches every view of it, so `bytes` is to be read
 * again after anything that may have run the guest.
 */
export class LinearMemory {
  #memory: WasmMemory | undefined;
  #bytes: TextBuffer = DETACHED;

  /** Until then, and so while a start function runs, it has no bytes. */
  attach(memory: WasmMemory | undefined): void {
    this.#memory = memory;
    this.#bytes = DETACHED;
  }

  get bytes(): TextBuffer {
    // The length of a detached view is zero.
    return this.#bytes.length === 0 ? this.#refresh() : this.#bytes;
  }

  /** By so many pages of 64 KiB. */
  grow(pages: number): void {
    this.#memory?.grow(pages);
  }

  /** Whether `length` bytes from `pointer` on lie inside. Both are unsigned. */
  has(pointer: number, length: number): boolean {
    return pointer + length <= this.bytes.length;
  }

  /** Writes text of `length` bytes in UTF-8, which must lie inside. */
  write(text: string, pointer: number, length: number): void {
    if (length === text.length) this.bytes.latin1Write(text, pointer, length);
    else this.bytes.utf8Write(text, pointer, length);
  }

  #refresh(): TextBuffer {
    if (this.#memory !== undefined) this.#bytes = Buffer.from(this.#memory.buffer) as TextBuffer;
    return this.#bytes;
  }
}

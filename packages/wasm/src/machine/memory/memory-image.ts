import type { WasmGlobal } from "../webassembly.ts";

/**
 * What a linear memory, and the globals beside it, hold at one moment, to be put into that memory or into another of the same module, which may have grown
 * since: whatever else is in it is zero afterwards. An image may be told as its difference to another, which is kept once for many.
 */

/** Images of a whole memory leave out pages of zeros, which then take no memory in an instance either. */
const PAGE_BYTES = 4096;
/** Differences are told in smaller steps: programs change a little here and there. */
const STEP_BYTES = 512;
const ZEROS = Buffer.alloc(4 * PAGE_BYTES);

interface Part {
  readonly at: number;
  readonly bytes: Uint8Array;
}

export class MemoryImage {
  /** Bytes that the memory had in use. */
  readonly length: number;
  readonly #base: MemoryImage | undefined;
  /** In order, and apart from each other. */
  readonly #parts: readonly Part[];
  readonly #globals: readonly (readonly [name: string, value: number | bigint])[];

  private constructor(length: number, base: MemoryImage | undefined, parts: readonly Part[], globals: Globals) {
    this.length = length;
    this.#base = base;
    this.#parts = parts;
    this.#globals = [...globals].map(([name, { value }]) => [name, value]);
  }

  /**
   * @param memory as far as it is in use.
   * @param base an image that was put into this memory before, with which this one is compared.
   */
  static of(memory: Buffer, globals: Globals, base?: MemoryImage): MemoryImage {
    const before = base === undefined ? undefined : base.#flat(memory.length);
    const step = before === undefined ? PAGE_BYTES : STEP_BYTES;
    const parts: Part[] = [];
    let start = -1;
    for (let at = 0; at <= memory.length; at += step) {
      const end = Math.min(at + step, memory.length);
      const same =
        at === memory.length ||
        (before === undefined
          ? memory.compare(ZEROS, 0, end - at, at, end) === 0
          : memory.compare(before, at, end, at, end) === 0);
      if (!same && start < 0) start = at;
      if (!same || start < 0) continue;
      parts.push({ at: start, bytes: Uint8Array.prototype.slice.call(memory, start, at) });
      start = -1;
    }
    if (start >= 0) parts.push({ at: start, bytes: Uint8Array.prototype.slice.call(memory, start) });
    return new MemoryImage(memory.length, base, parts, globals);
  }

  /** Bytes that it takes, without its base. */
  get size(): number {
    return this.#parts.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** Puts it into a memory that is at least as long. */
  writeTo(memory: Buffer, globals: Globals): void {
    this.#write(memory);
    for (const [name, value] of this.#globals) globals.get(name)!.value = value;
  }

  #write(memory: Buffer): void {
    const base = this.#base;
    let zeroFrom = 0;
    if (base !== undefined) base.#write(memory);
    for (const { at, bytes } of this.#parts) {
      if (base === undefined) clear(memory, zeroFrom, at);
      memory.set(bytes, at);
      zeroFrom = at + bytes.length;
    }
    if (base === undefined) clear(memory, zeroFrom, memory.length);
  }

  #flat(length: number): Buffer {
    const flat = Buffer.alloc(Math.max(length, this.length));
    this.#write(flat);
    return flat;
  }
}

/** Globals of an instance that its code can set, by the names of its exports. */
export type Globals = ReadonlyMap<string, WasmGlobal<number | bigint>>;

/** What is zero is only read, so that pages which nobody has touched take no memory. */
function clear(memory: Buffer, from: number, to: number): void {
  for (let at = from; at < to; at += ZEROS.length) {
    const end = Math.min(to, at + ZEROS.length);
    if (memory.compare(ZEROS, 0, end - at, at, end) !== 0) memory.fill(0, at, end);
  }
}

import type { WasmGlobal } from "../webassembly.ts";

/**
 * What a linear memory, and the globals beside it, hold at one moment, to be put into that memory or into another of the same module, which may have grown
 * since: whatever else is in it is zero afterwards. An image may be told as its difference to another, which is kept once for many.
 */

/** Images of a whole memory leave out pages of zeros, which then take no memory in an instance either. */
const PAGE_BYTES = 4096;
/** Differences are told in smaller steps: programs change a little here and there. */
const STEP_BYTES = 512;
/** What is looked at first, since most is alike. */
const STRETCH_BYTES = 16_384;
const ZEROS = Buffer.alloc(STRETCH_BYTES);

interface Part {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Globals of an instance that its code can set, by the names of its exports. */
export type Globals = ReadonlyMap<string, WasmGlobal<number | bigint>>;

interface Written {
  readonly length: number;
  readonly parts: readonly (readonly [at: number, size: number])[];
  readonly globals: readonly (readonly [name: string, value: number])[];
}

export class MemoryImage {
  /** Bytes that the memory had in use. */
  readonly length: number;
  readonly #base: MemoryImage | undefined;
  /** In order, and apart from each other. */
  readonly #parts: readonly Part[];
  readonly #globals: readonly (readonly [name: string, value: number | bigint])[];
  /** Of one that others are compared with: the memory as it was. */
  #whole: Buffer | undefined;

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
    const whole = base === undefined ? Buffer.alloc(0) : base.#asWhole();
    const step = base === undefined ? PAGE_BYTES : STEP_BYTES;
    const parts: Part[] = [];
    let start = -1;
    for (let at = 0; at < memory.length; ) {
      const stretch = at % STRETCH_BYTES === 0 && isSame(memory, whole, at, STRETCH_BYTES);
      const same = stretch || isSame(memory, whole, at, step);
      if (same && start >= 0) {
        parts.push(partOf(memory, start, at));
        start = -1;
      } else if (!same && start < 0) start = at;
      at += stretch ? STRETCH_BYTES : step;
    }
    if (start >= 0) parts.push(partOf(memory, start, memory.length));
    return new MemoryImage(memory.length, base, parts, globals);
  }

  /** One without a base, as {@link toBytes} has written it. The bytes are kept. */
  static from(bytes: Buffer): MemoryImage {
    const start = 4 + bytes.readUInt32LE(0);
    const { length, parts, globals } = JSON.parse(bytes.toString("utf8", 4, start)) as Written;
    let next = start;
    const read = parts.map(([at, size]) => {
      next += size;
      return { at, bytes: bytes.subarray(next - size, next) };
    });
    return new MemoryImage(length, undefined, read, new Map(globals.map(([name, value]) => [name, { value }])));
  }

  /** For a file: the length of what follows in JSON, where the parts lie, and the parts. */
  toBytes(): Buffer {
    if (this.#base !== undefined) throw new TypeError("the difference to another image is of no use without that");
    const parts = this.#parts.map(({ at, bytes }) => [at, bytes.length] as const);
    const globals = this.#globals.map(([name, value]) => [name, Number(value)] as const);
    const index = Buffer.from(JSON.stringify({ length: this.length, parts, globals } satisfies Written));
    const size = Buffer.alloc(4);
    size.writeUInt32LE(index.length);
    return Buffer.concat([size, index, ...this.#parts.map(({ bytes }) => bytes)]);
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

  #asWhole(): Buffer {
    if (this.#whole === undefined) {
      this.#whole = Buffer.alloc(this.length);
      this.#write(this.#whole);
    }
    return this.#whole;
  }
}

function partOf(memory: Buffer, from: number, to: number): Part {
  return { at: from, bytes: Uint8Array.prototype.slice.call(memory, from, to) };
}

/** Whether a stretch is as it was; behind its end a memory was zero. */
function isSame(memory: Buffer, before: Buffer, at: number, length: number): boolean {
  const end = Math.min(at + length, memory.length);
  const known = Math.max(at, Math.min(end, before.length));
  if (known > at && memory.compare(before, at, known, at, known) !== 0) return false;
  return known === end || memory.compare(ZEROS, 0, end - known, known, end) === 0;
}

/** What is zero is only read, so that pages which nobody has touched take no memory. */
function clear(memory: Buffer, from: number, to: number): void {
  for (let at = from; at < to; at += ZEROS.length) {
    const end = Math.min(to, at + ZEROS.length);
    if (memory.compare(ZEROS, 0, end - at, at, end) !== 0) memory.fill(0, at, end);
  }
}

import { Buffer } from "node:buffer";

/**
 * What a linear memory holds between two runs of its guest. Of the stack nothing is kept: no frame is on it then.
 */
export interface MemoryImage {
  /** From the memory's first byte up to the stack. */
  readonly data: Buffer;
  /** From the heap's first page up; zeros behind it are left out. */
  readonly heap: Buffer;
  /** Pages that the code takes the memory to have. */
  readonly pages: number;
}

/** Parts of a memory in which its code keeps anything from one run to the next. */
export interface MemoryLayout {
  /** Where static data end. */
  readonly dataEnd: number;
  /** A multiple of {@link CHUNK_BYTES}, at or below the first byte of the heap. */
  readonly heapStart: number;
}

/** Memory is compared by these. */
export const CHUNK_BYTES = 4096;
export const WASM_PAGE = 65_536;
const LINE_BYTES = 64;
const LINE_WORDS = LINE_BYTES / 4;
const NO_CHUNK = Buffer.alloc(CHUNK_BYTES);
const NO_WORDS = new Int32Array(CHUNK_BYTES / 4);
/** Runs up to which a loop copies faster than a call does. */
const SHORT_RUN_WORDS = 128;

/** What is in `memory` now. */
export function takeImage(memory: Buffer, { dataEnd, heapStart }: MemoryLayout, pages: number): MemoryImage {
  let end = Math.min(pages * WASM_PAGE, memory.length);
  while (end > heapStart && isZero(memory, end - CHUNK_BYTES)) end -= CHUNK_BYTES;
  return { data: copyOf(memory, 0, dataEnd), heap: copyOf(memory, heapStart, end), pages };
}

function isZero(memory: Buffer, at: number): boolean {
  return memory.compare(NO_CHUNK, 0, CHUNK_BYTES, at, at + CHUNK_BYTES) === 0;
}

/** On memory of its own: a pool's would be held as a whole. */
function copyOf(memory: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(to - from);
  memory.copy(copy, 0, from, to);
  return copy;
}

/** In what a memory differs from an image, by lines of 64 bytes: a tenth of what it holds, for a guest of ordinary size. */
export class MemoryDifference {
  /** Pages that its code takes the memory to have. */
  readonly pages: number;
  /** For each run of words: its address divided by four, and how many. */
  readonly #runs: Uint32Array;
  readonly #words: Int32Array;

  constructor(memory: Buffer, base: MemoryImage, { heapStart }: MemoryLayout, pages: number) {
    const words = wordsOf(memory);
    const runs: number[] = [];
    addRuns(runs, memory, words, 0, base.data.length, base.data);
    addRuns(runs, memory, words, heapStart, Math.min(pages * WASM_PAGE, memory.length), base.heap);
    let total = 0;
    for (let i = 1; i < runs.length; i += 2) total += runs[i]!;
    const kept = new ArrayBuffer(4 * (runs.length + total));
    this.pages = pages;
    this.#runs = new Uint32Array(kept, 0, runs.length);
    this.#runs.set(runs);
    this.#words = new Int32Array(kept, 4 * runs.length, total);
    let at = 0;
    for (let i = 0; i < runs.length; i += 2) {
      const [from, count] = [runs[i]!, runs[i + 1]!];
      this.#words.set(words.subarray(from, from + count), at);
      at += count;
    }
  }

  get byteLength(): number {
    return this.#runs.buffer.byteLength;
  }

  /** Puts it into a memory that is as the image was. */
  apply(memory: Buffer): void {
    const [words, runs, own] = [wordsOf(memory), this.#runs, this.#words];
    let at = 0;
    for (let i = 0; i < runs.length; i += 2) {
      const [from, count] = [runs[i]!, runs[i + 1]!];
      if (count > SHORT_RUN_WORDS) words.set(own.subarray(at, at + count), from);
      else for (let k = 0; k < count; k++) words[from + k] = own[at + k]!;
      at += count;
    }
  }
}

function wordsOf(memory: Buffer): Int32Array {
  return new Int32Array(memory.buffer, memory.byteOffset, memory.length >> 2);
}

/** Adds the lines in which `memory` from an address on is not as `base` is from its start on, which has zeros behind it. */
function addRuns(runs: number[], memory: Buffer, words: Int32Array, start: number, end: number, base: Buffer): void {
  const own = wordsOf(base);
  for (let at = start; at < end; at += CHUNK_BYTES) {
    const offset = at - start;
    const based = offset < base.length;
    const same = based
      ? memory.compare(base, offset, offset + CHUNK_BYTES, at, at + CHUNK_BYTES) === 0
      : isZero(memory, at);
    if (!same) addLines(runs, words, at >> 2, based ? own : NO_WORDS, based ? offset >> 2 : 0);
  }
}

function addLines(runs: number[], words: Int32Array, at: number, base: Int32Array, offset: number): void {
  for (let line = 0; line < CHUNK_BYTES / 4; line += LINE_WORDS) {
    let k = line;
    while (k < line + LINE_WORDS && words[at + k] === base[offset + k]) k++;
    if (k === line + LINE_WORDS) continue;
    const last = runs.length - 2;
    if (last >= 0 && runs[last]! + runs[last + 1]! === at + line) runs[last + 1]! += LINE_WORDS;
    else runs.push(at + line, LINE_WORDS);
  }
}

import { type FrameMemory, frameMemory, readFrame, roomFor, writeFrame } from "./frame.ts";
import { type Body, FLAG, type FrameSink, HEADER_BYTES } from "./protocol.ts";

/** Frames through a pipe. */

const FIRST_BYTES = 1 << 16;
/** A frame holds one payload; a longer one than this is no frame but a sign that the other end is not what it was. */
const MOST_BYTES = 2 ** 31 - 8;

/** Gathers frames until they are sent together. */
export class FrameBatch {
  readonly #home: FrameMemory;
  #memory: FrameMemory;
  /** For a batch that is too long for its home. */
  #large: FrameMemory | undefined;
  #start = 0;
  #end = 0;

  /** @param memory where batches begin, and lie as long as they fit. */
  constructor(memory: ArrayBuffer = new ArrayBuffer(FIRST_BYTES)) {
    this.#home = frameMemory(memory);
    this.#memory = this.#home;
  }

  get empty(): boolean {
    return this.#start === this.#end;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  get atHome(): boolean {
    return this.#memory === this.#home;
  }

  /** What `take` without `lasting` would give, at their beginning; only until the next `add`. */
  get bytes(): Buffer {
    return this.#memory.bytes;
  }

  add(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void {
    const most = roomFor(body);
    if (this.#end + most > this.#memory.bytes.byteLength) this.#makeRoom(most);
    this.#end = writeFrame(this.#memory, this.#end, kind, flags, number, key, target, time, body);
  }

  /** What was gathered. With `lasting` it stays as it is; else only until the next `add`. */
  take(lasting: boolean): Buffer {
    const frames = this.#memory.bytes.subarray(this.#start, this.#end);
    if (!lasting) {
      this.#memory = this.#home;
      this.#end = 0;
    }
    this.#start = this.#end;
    return frames;
  }

  #makeRoom(most: number): void {
    const gathered = this.#memory.bytes.subarray(this.#start, this.#end);
    const bytes = Math.max(FIRST_BYTES, ((gathered.length + most) * 2) & ~7);
    // What was taken to last may lie in the one there is.
    if (!this.atHome || this.#large === undefined || this.#large.bytes.byteLength < bytes)
      this.#large = frameMemory(new ArrayBuffer(bytes));
    this.#large.bytes.set(gathered);
    this.#memory = this.#large;
    this.#start = 0;
    this.#end = gathered.length;
  }
}

/** Puts frames together again from the pieces in which a pipe brings them. */
export class FrameStream {
  #memory = frameMemory(new ArrayBuffer(FIRST_BYTES));
  /** Where the next frame begins, and what has come ends. */
  #start = 0;
  #end = 0;
  readonly #sink: FrameSink;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /**
   * The sink may come to push more by itself.
   *
   * @throws Error where the bytes are no frames: what sent them is broken, or hostile.
   */
  push(piece: Uint8Array): void {
    if (this.#end + piece.byteLength > this.#memory.bytes.byteLength) this.#grow(this.#end + piece.byteLength);
    this.#memory.bytes.set(piece, this.#end);
    this.#end += piece.byteLength;
    while (this.#start + HEADER_BYTES <= this.#end) {
      const at = this.#start;
      const length = frameLength(this.#memory.words[at >> 2]!);
      const next = at + ((length + 3) & ~3);
      // Room is made as bytes come, not as a length says.
      if (next > this.#end) break;
      this.#start = next;
      readFrame(this.#memory, at, this.#sink, noAside);
    }
    if (this.#start === 0) return;
    this.#memory.bytes.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
  }

  #grow(bytes: number): void {
    const memory = frameMemory(new ArrayBuffer((bytes * 2 + 7) & ~7));
    memory.bytes.set(this.#memory.bytes.subarray(0, this.#end));
    this.#memory = memory;
  }
}

export function frameLength(word: number): number {
  if (word >= HEADER_BYTES && word <= MOST_BYTES) return word;
  throw new Error(`a frame of ${word} bytes`);
}

export function noAside(): never {
  throw new Error(`a frame with the flag ${FLAG.aside} in a pipe`);
}

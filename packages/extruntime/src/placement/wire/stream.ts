import type { Bounds } from "../../contract/bounds.ts";
import { type FrameMemory, frameMemory, readFrame, roomFor, writeFrame } from "./frame.ts";
import { type Body, type FrameSink, HEADER_BYTES } from "./protocol.ts";

/** Frames through a pipe. */

const FIRST_BYTES = 1 << 16;
/** A longer memory is let go when what needed it has been read. */
const MOST_KEPT = 1 << 20;
/** What a frame's length can say at all. */
const MOST_BYTES = 2 ** 31 - 8;
/** Longest frame that a host takes from a worker, in bytes, where the bounds of its programs ask for no more: errors and what has no bound of its own fit. */
export const MOST_FROM_WORKER = 2 ** 25 + 2 ** 16;

/** Longest frame of a program with these bounds. A text goes as UTF-16 where it has lone surrogates: two bytes for each that it has in UTF-8, at the most. */
export function mostFrameBytes({ resultBytes, hostCallBytes, lineChars }: Bounds): number {
  return Math.min(
    MOST_BYTES,
    Math.max(MOST_FROM_WORKER, 2 * Math.max(resultBytes, hostCallBytes, 2 * lineChars) + 2 ** 16),
  );
}

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

  /** Whether so many bytes more leave it where batches begin. */
  hasRoomAtHome(bytes: number): boolean {
    return this.atHome && this.#end + bytes <= this.#home.bytes.byteLength;
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
    if (lasting) return this.takePiece(Number.POSITIVE_INFINITY);
    const frames = this.#memory.bytes.subarray(this.#start, this.#end);
    this.#memory = this.#home;
    this.#end = 0;
    this.#start = 0;
    return frames;
  }

  /** So much of what was gathered, wherever in a frame that ends. It stays as it is. */
  takePiece(mostBytes: number): Buffer {
    const { bytes } = this.#memory;
    const from = this.#start;
    this.#start = Math.min(this.#end, from + mostBytes);
    const piece = bytes.subarray(from, this.#start);
    if (this.empty && bytes.byteLength > MOST_KEPT) {
      this.#large = undefined;
      this.#memory = frameMemory(new ArrayBuffer(FIRST_BYTES));
      this.#start = 0;
      this.#end = 0;
    }
    return piece;
  }

  #makeRoom(most: number): void {
    const gathered = this.#memory.bytes.subarray(this.#start, this.#end);
    const bytes = Math.max(FIRST_BYTES, Math.ceil((gathered.length + most) / 4) * 8);
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
  #mostBytes: number;
  #fault: string | undefined;

  /** @param mostBytes of one frame. */
  constructor(sink: FrameSink, mostBytes = MOST_BYTES) {
    this.#sink = sink;
    this.#mostBytes = mostBytes;
  }

  /** From now on a frame may have so many bytes, or more if that was said before. */
  allow(mostBytes: number): void {
    this.#mostBytes = Math.max(this.#mostBytes, mostBytes);
  }

  /** Bytes that it holds of frames that have not come whole. */
  get held(): number {
    return this.#end - this.#start;
  }

  /**
   * Returns what is wrong where the bytes are no frames, since what sent them is broken, or hostile; nothing is read from then on. The sink may come
   * to push more by itself.
   */
  push(piece: Uint8Array): string | undefined {
    if (this.#fault !== undefined) return this.#fault;
    if (this.#end + piece.byteLength > this.#memory.bytes.byteLength && !this.#grow(this.#end + piece.byteLength))
      return this.#fail(`frames of ${this.#end + piece.byteLength} bytes, for which there is no memory`);
    this.#memory.bytes.set(piece, this.#end);
    this.#end += piece.byteLength;
    while (this.#start + HEADER_BYTES <= this.#end) {
      const at = this.#start;
      const length = this.#memory.words[at >> 2]!;
      if (length < HEADER_BYTES || length > this.#mostBytes)
        return this.#fail(`a frame of ${length} bytes, where ${HEADER_BYTES} to ${this.#mostBytes} are possible`);
      const next = at + ((length + 3) & ~3);
      // Room is made as bytes come, not as a length says.
      if (next > this.#end) break;
      this.#start = next;
      const fault = readFrame(this.#memory, at, length, this.#sink) ?? this.#fault;
      if (fault !== undefined) return this.#fail(fault);
    }
    if (this.#start === 0) return undefined;
    this.#moveUp();
    return undefined;
  }

  /** What is left goes to the beginning, and after a long frame back to a small memory. */
  #moveUp(): void {
    const { bytes } = this.#memory;
    const left = this.held;
    if (bytes.byteLength > MOST_KEPT && left <= FIRST_BYTES) {
      this.#memory = frameMemory(new ArrayBuffer(FIRST_BYTES));
      this.#memory.bytes.set(bytes.subarray(this.#start, this.#end));
    } else {
      bytes.copyWithin(0, this.#start, this.#end);
    }
    this.#end = left;
    this.#start = 0;
  }

  #fail(fault: string): string {
    this.#fault = fault;
    this.#memory = frameMemory(new ArrayBuffer(0));
    return fault;
  }

  #grow(bytes: number): boolean {
    try {
      const memory = frameMemory(new ArrayBuffer(Math.ceil(bytes / 4) * 8));
      memory.bytes.set(this.#memory.bytes.subarray(0, this.#end));
      this.#memory = memory;
      return true;
    } catch {
      return false;
    }
  }
}

/// <reference lib="es2024.sharedmemory" />
import { frameMemory, readFrame, roomFor, writeFrame } from "./frame.ts";
import { type Body, type FrameSink, HEADER_BYTES } from "./protocol.ts";

/**
 * Words at the start of a ring's memory, each on a cache line of its own, since one thread writes it while the other reads
 * another. Positions are byte offsets into the frames.
 */
const HEAD = 0;
const TAIL = 32;
/** 1 while the reader is at its event loop and has to be woken there. */
const ASLEEP = 64;
/** 1 while the reader is blocked until there are frames, or the writer until there is room. */
const READER_BLOCKED = 96;
const WRITER_BLOCKED = 128;
const CONTROL_BYTES = 160 * 4;

/** Longest body, in UTF-16 units or bytes, that a ring takes; a longer one goes aside. */
export const MOST_IN_RING = 16_384;

/**
 * Frames from one thread to another through shared memory: one writer, one reader, no locks. A frame is never split: where
 * the end of the memory is too near, a zero length sends the reader back to the start.
 */
export class FrameRing {
  static bytesFor(size: number): number {
    return CONTROL_BYTES + size;
  }

  readonly #control: Int32Array;
  readonly #memory: ReturnType<typeof frameMemory>;
  readonly #size: number;
  /** The writer's head, and the tail as it last saw it. */
  #head = 0;
  #seenTail = 0;
  /** The reader's tail: what is behind it has been handed over, but is not free for the writer yet. */
  #tail = 0;
  #fault: string | undefined;

  /** @param size of the frames' memory, in bytes: a multiple of four, the same at both ends. */
  constructor(buffer: SharedArrayBuffer, offset: number, size: number) {
    this.#control = new Int32Array(buffer, offset, CONTROL_BYTES >> 2);
    this.#memory = frameMemory(buffer, offset + CONTROL_BYTES, size);
    this.#size = size;
  }

  /** For the reader. */
  get empty(): boolean {
    return Atomics.load(this.#control, HEAD) === this.#tail;
  }

  /** What is wrong with it, where the other side wrote what cannot be. Nothing is read or written from then on. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** For the writer. `false` where there is no room now. */
  write(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): boolean {
    const most = roomFor(body);
    let at = this.#room(most);
    if (at < 0) {
      this.#seenTail = this.#position(TAIL);
      at = this.#fault === undefined ? this.#room(most) : -1;
      if (at < 0) return false;
    }
    const next = writeFrame(this.#memory, at, kind, flags, number, key, target, time, body);
    this.#head = next === this.#size ? 0 : next;
    Atomics.store(this.#control, HEAD, this.#head);
    return true;
  }

  /** For the writer: where its next frame begins, or would if the end of the memory were far enough. */
  get head(): number {
    return this.#head;
  }

  /** For the writer: whether the reader has come to where the head was when it was `at`, since which less than the memory's length was written. */
  hasReadTo(at: number): boolean {
    const behind = (position: number) => (this.#head - position + this.#size) % this.#size;
    return behind(this.#position(TAIL)) <= behind(at);
  }

  /** For the reader, while it hands over a frame of which nothing more is read here: says that it has come so far. */
  tellTail(): void {
    Atomics.store(this.#control, TAIL, this.#tail);
    if (Atomics.load(this.#control, WRITER_BLOCKED) === 1) Atomics.notify(this.#control, TAIL);
  }

  /**
   * For the writer, after it has written: ends a `waitForFrames` or a `sleep`. Says whether the reader was asleep, and needs a
   * message where it did not ask for `woken`.
   */
  wake(): boolean {
    const control = this.#control;
    if (Atomics.load(control, READER_BLOCKED) === 1) Atomics.notify(control, HEAD);
    if (Atomics.load(control, ASLEEP) === 0 || Atomics.exchange(control, ASLEEP, 0) === 0) return false;
    Atomics.notify(control, ASLEEP);
    return true;
  }

  /** For the writer: ends a `waitForFrames`, though there may be none. */
  interrupt(): void {
    Atomics.notify(this.#control, HEAD);
  }

  /** For a writer that may block: returns when the reader has read on, or after `timeoutMs`. */
  waitForRoom(timeoutMs: number): void {
    Atomics.store(this.#control, WRITER_BLOCKED, 1);
    Atomics.wait(this.#control, TAIL, Atomics.load(this.#control, TAIL), timeoutMs);
    Atomics.store(this.#control, WRITER_BLOCKED, 0);
  }

  /**
   * For the reader: hands over the frames that are there, at the most as many as the memory holds: a writer that never rests shall not keep it. The sink
   * may come to read on by itself, and past what was the head before. `false` where there is more, or {@link fault} says why nothing more is read.
   */
  read(sink: FrameSink, aside: () => Body | undefined): boolean {
    const control = this.#control;
    if (Atomics.load(control, HEAD) === this.#tail) return true;
    let read = 0;
    while (this.#fault === undefined && read < this.#size && this.#tail !== this.#position(HEAD))
      read += this.#readOne(sink, aside);
    this.tellTail();
    return this.#fault === undefined && read < this.#size;
  }

  /** For the reader: says that it sleeps. `false` where frames have come meanwhile. */
  sleep(): boolean {
    Atomics.store(this.#control, ASLEEP, 1);
    return this.empty || Atomics.exchange(this.#control, ASLEEP, 0) === 0;
  }

  /** For a reader that sleeps: resolves when it is woken. Much cheaper on both sides than a message, and keeps no event loop running. */
  woken(): Promise<unknown> {
    const { value } = Atomics.waitAsync(this.#control, ASLEEP, 1);
    return typeof value === "string" ? Promise.resolve(value) : value;
  }

  /** For a reader that may block: returns when there are frames, or after `timeoutMs`. */
  waitForFrames(timeoutMs: number): boolean {
    Atomics.store(this.#control, READER_BLOCKED, 1);
    const came = Atomics.wait(this.#control, HEAD, this.#tail, timeoutMs) !== "timed-out";
    Atomics.store(this.#control, READER_BLOCKED, 0);
    return came;
  }

  /** Returns how far it went, in bytes. */
  #readOne(sink: FrameSink, aside: () => Body | undefined): number {
    const { words } = this.#memory;
    const at = words[this.#tail >> 2] === 0 ? 0 : this.#tail;
    // Once, since the writer's thread may change it meanwhile.
    const length = words[at >> 2]!;
    if (length < HEADER_BYTES || length > this.#size - at) {
      this.#fault = `a frame of ${length} bytes at ${at} in a ring of ${this.#size}`;
      return 0;
    }
    const next = (at + length + 3) & ~3;
    this.#tail = next === this.#size ? 0 : next;
    this.#fault = readFrame(this.#memory, at, length, sink, aside) ?? this.#fault;
    return next - at;
  }

  /** What the other side wrote there: where it has come to. */
  #position(word: number): number {
    const at = Atomics.load(this.#control, word);
    if (at >= 0 && at < this.#size && at % 4 === 0) return at;
    this.#fault = `a position of ${at} in a ring of ${this.#size}`;
    return word === HEAD ? this.#tail : 0;
  }

  /** Where `most` bytes are free in one piece, or -1. One word stays free, since an equal head and tail mean empty. */
  #room(most: number): number {
    const head = this.#head;
    const tail = this.#seenTail;
    if (head < tail) return head + most < tail ? head : -1;
    if (head + most < this.#size || (head + most === this.#size && tail > 0)) return head;
    if (most >= tail) return -1;
    this.#memory.words[head >> 2] = 0;
    return 0;
  }
}

import { frameMemory, readFrame, roomFor, writeFrame } from "./frame.ts";
import type { Body, FrameSink } from "./protocol.ts";

/** Words at the start of a ring's memory. Positions are byte offsets into the frames. */
const HEAD = 0;
const TAIL = 1;
/** 1 while the reader sleeps and has to be woken by a message. */
const ASLEEP = 2;
/** 1 while the reader is blocked until there are frames, or the writer until there is room. */
const READER_BLOCKED = 3;
const WRITER_BLOCKED = 4;
const CONTROL_BYTES = 64;

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

  /** @param size of the frames' memory, in bytes: a multiple of four, the same at both ends. */
  constructor(buffer: SharedArrayBuffer, offset: number, size: number) {
    this.#control = new Int32Array(buffer, offset, CONTROL_BYTES >> 2);
    this.#memory = frameMemory(buffer, offset + CONTROL_BYTES, size);
    this.#size = size;
  }

  get empty(): boolean {
    return Atomics.load(this.#control, HEAD) === Atomics.load(this.#control, TAIL);
  }

  /** For the writer. `false` where there is no room now. */
  write(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): boolean {
    const at = this.#room(roomFor(body));
    if (at < 0) return false;
    const next = writeFrame(this.#memory, at, kind, flags, number, key, target, time, body);
    Atomics.store(this.#control, HEAD, next === this.#size ? 0 : next);
    return true;
  }

  /** For the writer, after it has written: ends a `waitForFrames`, and says whether the reader sleeps and needs a message. */
  wake(): boolean {
    const control = this.#control;
    if (Atomics.load(control, READER_BLOCKED) === 1) Atomics.notify(control, HEAD);
    return Atomics.load(control, ASLEEP) === 1 && Atomics.exchange(control, ASLEEP, 0) === 1;
  }

  /** For a writer that may block: returns when the reader has read on, or after `timeoutMs`. */
  waitForRoom(timeoutMs: number): void {
    Atomics.store(this.#control, WRITER_BLOCKED, 1);
    Atomics.wait(this.#control, TAIL, Atomics.load(this.#control, TAIL), timeoutMs);
    Atomics.store(this.#control, WRITER_BLOCKED, 0);
  }

  /** For the reader: hands over all frames that are there. */
  read(sink: FrameSink, aside: () => Body): void {
    const { words } = this.#memory;
    let next = 0;
    // Before the frame is handed over: the sink may come to read on by itself.
    const consumed = () => Atomics.store(this.#control, TAIL, next);
    for (let at = this.#control[TAIL]!; at !== Atomics.load(this.#control, HEAD); at = this.#control[TAIL]!) {
      if (words[at >> 2] === 0) at = 0;
      next = (at + words[at >> 2]! + 3) & ~3;
      if (next === this.#size) next = 0;
      readFrame(this.#memory, at, sink, aside, consumed);
    }
    if (Atomics.load(this.#control, WRITER_BLOCKED) === 1) Atomics.notify(this.#control, TAIL);
  }

  /** For the reader: says that it sleeps. `false` where frames have come meanwhile. */
  sleep(): boolean {
    Atomics.store(this.#control, ASLEEP, 1);
    return this.empty || Atomics.exchange(this.#control, ASLEEP, 0) === 0;
  }

  /** For a reader that may block: returns when there are frames, or after `timeoutMs`. */
  waitForFrames(timeoutMs: number): boolean {
    Atomics.store(this.#control, READER_BLOCKED, 1);
    const tail = this.#control[TAIL]!;
    const came = Atomics.wait(this.#control, HEAD, tail, timeoutMs) !== "timed-out";
    Atomics.store(this.#control, READER_BLOCKED, 0);
    return came;
  }

  /** Where `most` bytes are free in one piece, or -1. One word stays free, since an equal head and tail mean empty. */
  #room(most: number): number {
    const head = this.#control[HEAD]!;
    const tail = Atomics.load(this.#control, TAIL);
    if (head < tail) return head + most < tail ? head : -1;
    if (head + most < this.#size || (head + most === this.#size && tail > 0)) return head;
    if (most >= tail) return -1;
    this.#memory.words[head >> 2] = 0;
    return 0;
  }
}

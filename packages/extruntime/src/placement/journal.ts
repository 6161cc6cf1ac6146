import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { frameMemory, readFrame } from "./frame.ts";
import { noAside } from "./frame-stream.ts";
import { type FrameSink, HEADER_BYTES } from "./protocol.ts";

/**
 * What a child process has done since it last wrote to the host, in a file without a name that both have open: which call
 * it began, and the answers that it has not sent yet. Writing there is much cheaper than waking the host, so answers can go in
 * batches, and still none is lost when the process dies, and it is known which call it died of.
 *
 * Each record is: number of the batch, length, key of the call that begins, frames, number of the batch again. A record that
 * was cut short has not got the last of these.
 */

const RECORD_BYTES = 12;
/** Longest frames that are noted; the child sends what is longer. */
export const MOST_NOTED = 1 << 15;
/** Length of the file. All of it is there from the start, so that a disk that has filled up since costs nothing. */
const FILE_BYTES = 1 << 16;

/** In memory where the system has such a folder. */
const FOLDER = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** Makes the file. */
export function openJournal(): number {
  const folder = mkdtempSync(join(FOLDER, "extruntime-"));
  try {
    const fd = openSync(join(folder, "journal"), "wx+", 0o600);
    try {
      writeAll(fd, Buffer.alloc(FILE_BYTES));
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.byteLength; ) at += writeSync(fd, bytes, at, bytes.byteLength - at, at);
}

/** For the child. */
export class JournalWriter {
  readonly #fd: number;
  readonly #record = Buffer.alloc(MOST_NOTED + RECORD_BYTES + 4);
  #batch = 1;
  #position = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Whether there is room to note that a call begins, and frames of this length. There always is after `sent`. */
  fits(length: number): boolean {
    return this.#position + RECORD_BYTES + length + 4 <= FILE_BYTES;
  }

  /** Notes that a call begins, and the frames since the last note, at most {@link MOST_NOTED} bytes. */
  note(key: number, frames: Uint8Array): void {
    const record = this.#record;
    const length = frames.byteLength;
    record.writeInt32LE(this.#batch, 0);
    record.writeInt32LE(length, 4);
    record.writeInt32LE(key, 8);
    record.set(frames, RECORD_BYTES);
    record.writeInt32LE(this.#batch, RECORD_BYTES + length);
    const bytes = RECORD_BYTES + length + 4;
    writeSync(this.#fd, record, 0, bytes, this.#position);
    this.#position += bytes;
  }

  /** Everything that was noted has been sent. */
  sent(): void {
    // 0 is what the file begins with.
    this.#batch = (this.#batch + 1) & 0x7fffffff || 1;
    this.#position = 0;
  }
}

/** Takes what a journal holds. */
export interface JournalSink extends FrameSink {
  began(key: number): void;
}

/** For the host. The file is the child's to write, so nothing in it is taken for granted. */
export class JournalReader {
  readonly #fd: number;
  readonly #bytes = Buffer.alloc(FILE_BYTES);
  /** How far `readOn` has come, and in which batch. */
  #batch = 0;
  #position = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Hands over the batch that was not sent yet, or was sent last. */
  read(sink: JournalSink): void {
    const end = this.#load();
    this.#handOver(sink, this.#batchOf(end), 0, end);
  }

  /** The same, but for what it handed over before: who looks for signs of life must not see one again and again. */
  readOn(sink: JournalSink): void {
    const end = this.#load();
    const batch = this.#batchOf(end);
    if (batch !== this.#batch) this.#position = 0;
    this.#batch = batch;
    this.#position = this.#handOver(sink, batch, this.#position, end);
  }

  /** 0 where there is none. */
  #batchOf(end: number): number {
    return end < RECORD_BYTES ? 0 : this.#bytes.readInt32LE(0);
  }

  /** Returns where the record after the last begins. */
  #handOver(sink: JournalSink, batch: number, from: number, end: number): number {
    const bytes = this.#bytes;
    let at = from;
    while (batch !== 0 && at + RECORD_BYTES <= end && bytes.readInt32LE(at) === batch) {
      const length = bytes.readInt32LE(at + 4);
      const trailer = at + RECORD_BYTES + length;
      if (length < 0 || trailer + 4 > end || bytes.readInt32LE(trailer) !== batch) break;
      sink.began(bytes.readInt32LE(at + 8));
      readAll(bytes.subarray(at + RECORD_BYTES, trailer), sink);
      at = trailer + 4;
    }
    return at;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #load(): number {
    let end = 0;
    while (end < FILE_BYTES) {
      const read = readSync(this.#fd, this.#bytes, end, FILE_BYTES - end, end);
      if (read === 0) return end;
      end += read;
    }
    return end;
  }
}

function readAll(frames: Uint8Array, sink: FrameSink): void {
  const memory = frameMemory(new Uint8Array(frames).buffer);
  for (let at = 0; at + HEADER_BYTES <= frames.byteLength; ) {
    const length = memory.words[at >> 2]!;
    if (length < HEADER_BYTES || at + length > frames.byteLength) return;
    readFrame(memory, at, sink, noAside);
    at += (length + 3) & ~3;
  }
}

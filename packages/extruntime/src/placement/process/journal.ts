import {
  closeSync,
  existsSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { makeTempFolder } from "../../kit/temp-folder.ts";
import { frameMemory, readFrame } from "../wire/frame.ts";
import { type FrameSink, HEADER_BYTES, KIND } from "../wire/protocol.ts";
import type { FrameBatch } from "../wire/stream.ts";

/**
 * What a child process has done since it last wrote to the host, in a file without a name that both have open: which call
 * it began, and the answers that it has not sent yet. Writing there is much cheaper than waking the host, so answers can go in
 * batches, and still none is lost when the process dies, and it is known which call it died of. Where the file can be mapped into
 * the child's memory, the batch is made there, and writing costs nothing.
 *
 * The file holds the batch as it will be sent, piece by piece. Each piece ends with the frame `began`,
 * which says where the piece begins and of which batch it is, by the number of bytes that were sent before it; a piece that was cut short has not got
 * it. What comes after the last piece is of batches that were sent. Lines of output are noted as calls are: what a guest wrote before it ended its
 * process is in the file, if it was not sent.
 */

/** Longest batch that is noted; the child sends one that is longer before it notes more. */
export const MOST_NOTED = 1 << 15;
/** Length of the file. All of it is there from the start, so that a disk that has filled up since costs nothing. */
export const JOURNAL_BYTES = 1 << 16;

/** Where the system has it, its files are in memory. */
const MEMORY = "/dev/shm";
/** What making a file there fails with where it is missing or another's, rather than full. */
const NOT_OURS = ["ENOENT", "ENOTDIR", "EACCES", "EPERM", "EROFS"];

/**
 * Makes the file: in memory, else in the system's temporary folder.
 *
 * @throws Error that names the folder and the remedy.
 */
export function openJournal(): number {
  const folder = journalFolder();
  try {
    const fd = openSync(join(folder, "journal"), "wx+", 0o600);
    try {
      writeAll(fd, Buffer.alloc(JOURNAL_BYTES));
      return fd;
    } catch (error) {
      closeSync(fd);
      throw full(dirname(folder), error as Error);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether a journal is in memory, so that mapping it is safe: on a disk that is full, writing to memory would end the process. */
export function isInMemory(fd: number): boolean {
  try {
    return fstatSync(fd).dev === statSync(MEMORY).dev;
  } catch {
    return false;
  }
}

function journalFolder(): string {
  if (!existsSync(MEMORY)) return makeTempFolder("extruntime-");
  try {
    return mkdtempSync(join(MEMORY, "extruntime-"));
  } catch (error) {
    if (NOT_OURS.includes((error as NodeJS.ErrnoException).code ?? "")) return makeTempFolder("extruntime-");
    throw full(MEMORY, error as Error);
  }
}

function full(folder: string, cause: Error): Error {
  return new Error(`${cause.message}; each process needs ${JOURNAL_BYTES >> 10} KiB in ${folder}: make room there`, {
    cause,
  });
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.byteLength; ) at += writeSync(fd, bytes, at, bytes.byteLength - at, at);
}

/** In the place of the first frame's length: the batch has been sent. */
const MARK = Buffer.alloc(4);

/** For the child. */
export class JournalWriter {
  readonly #fd: number | undefined;
  #batch: number;
  /** Where the next piece begins. */
  #noted = 0;

  /**
   * @param start number of the first batch. The host chooses it at random, so that no guest can make bytes that would be
   * taken for a piece of its batch.
   * @param fd of the file; without one, the file is the memory that is the home of the batch.
   */
  constructor(start: number, fd: number | undefined) {
    this.#batch = start;
    this.#fd = fd;
  }

  /** Notes that a call begins, and what the batch has gathered since the last note. The batch is at most {@link MOST_NOTED} bytes long. */
  note(key: number, batch: FrameBatch): void {
    const from = this.#noted;
    batch.add(KIND.began, 0, 0, key, this.#batch, from, "");
    this.#noted = batch.length;
    if (this.#fd !== undefined) writeSync(this.#fd, batch.bytes, from, this.#noted - from, from);
  }

  /** The batch has been sent, of so many bytes. What the file holds of it is marked, so that nobody who reads along takes it for a part of the next. */
  sent(bytes: number, batch: FrameBatch): void {
    this.#batch = (this.#batch + bytes) | 0;
    if (this.#noted > 0) {
      if (this.#fd === undefined) batch.bytes.fill(0, 0, MARK.byteLength);
      else writeSync(this.#fd, MARK, 0, MARK.byteLength, 0);
    }
    this.#noted = 0;
  }
}

/** Takes what a journal holds. */
export interface JournalSink extends FrameSink {
  began(key: number): void;
}

/** For the host. The file is the child's to write, so nothing in it is taken for granted, and nothing here throws. */
export class JournalReader {
  readonly #fd: number;
  readonly #start: number;
  #memory = frameMemory(new ArrayBuffer(JOURNAL_BYTES));
  readonly #head = Buffer.alloc(HEADER_BYTES);
  /** How far `readOn` has come, and in which batch. */
  #batch: number | undefined;
  #position = 0;

  /** @param start as the writer's. */
  constructor(start: number, fd: number) {
    this.#start = start;
    this.#fd = fd;
  }

  /** After the child's end: hands over the batch that was not sent yet, or was sent last. Returns what is wrong with a frame of it. */
  read(sink: JournalSink): string | undefined {
    const end = this.#load();
    return this.#handOver(sink, 0, end).fault;
  }

  /**
   * While it runs: the same, but for what was handed over before. Who looks for signs of life must not see one again and again. Nothing where
   * an earlier batch is still on its way, since its answers come first.
   *
   * @param received bytes that have come from the child.
   */
  readOn(sink: JournalSink, received: number): void {
    const end = this.#load();
    if (!this.#isOneBatch()) return;
    const batch = this.#pieceAt(0, end)?.batch;
    if (batch !== ((this.#start + received) | 0)) return;
    if (batch !== this.#batch) this.#position = 0;
    this.#batch = batch;
    this.#position = this.#handOver(sink, this.#position, end).next;
  }

  /** Nothing is read after it. Who still refers to a process that has ended keeps little of it. */
  close(): void {
    closeSync(this.#fd);
    this.#memory = frameMemory(new ArrayBuffer(0));
  }

  /** Returns where the piece after the last begins. */
  #handOver(sink: JournalSink, from: number, end: number): { next: number; fault?: string } {
    const batch = this.#pieceAt(0, end)?.batch;
    for (let at = from; ; at += HEADER_BYTES) {
      const piece = this.#pieceAt(at, end);
      if (piece === undefined || piece.batch !== batch) return { next: at };
      for (; at < piece.began; at += this.#lengthAt(at)) {
        const fault = readFrame(this.#memory, at, this.#memory.words[at >> 2]!, sink);
        if (fault !== undefined) return { next: at, fault };
      }
      sink.began(this.#memory.words[(at >> 2) + 2]!);
    }
  }

  /** The piece that begins there: of which batch, and where its last frame is. `undefined` where there is none, or not all of it. */
  #pieceAt(start: number, end: number): { batch: number; began: number } | undefined {
    const { words } = this.#memory;
    for (let at = start, next = start; at + HEADER_BYTES <= end; at = next) {
      next += this.#lengthAt(at);
      if (next === at || next > end) return undefined;
      const word = at >> 2;
      if ((words[word + 1]! & 0xff) !== KIND.began) continue;
      return words[word + 4] === start && words[word] === HEADER_BYTES
        ? { batch: words[word + 3]!, began: at }
        : undefined;
    }
    return undefined;
  }

  /** Length of the frame there, with what fills it up to whole words. 0: there is none. */
  #lengthAt(at: number): number {
    const length = this.#memory.words[at >> 2]!;
    return length < HEADER_BYTES || length > JOURNAL_BYTES ? 0 : (length + 3) & ~3;
  }

  /** How much there is of it: the child may have cut it short. */
  #load(): number {
    let end = 0;
    while (end < JOURNAL_BYTES) {
      const read = this.#readAt(end, this.#memory.bytes, end, JOURNAL_BYTES - end);
      if (read === 0) return end;
      end += read;
    }
    return end;
  }

  /**
   * Whether no batch was begun over the one that was being read. A batch is over when its first frame's length is 0, and that frame is written before
   * any other of the next: where it is still the same, so is what lies behind it, but for what was added.
   */
  #isOneBatch(): boolean {
    this.#readAt(0, this.#head, 0, HEADER_BYTES);
    return this.#head.compare(this.#memory.bytes, 0, HEADER_BYTES) === 0;
  }

  #readAt(position: number, into: Uint8Array, offset: number, length: number): number {
    try {
      return readSync(this.#fd, into, offset, length, position);
    } catch {
      return 0;
    }
  }
}

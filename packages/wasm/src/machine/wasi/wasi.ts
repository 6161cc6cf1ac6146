import { randomFillSync } from "node:crypto";
import { isAbsent, WASI, type WASI_FUNCTIONS } from "../host-functions.ts";
import type { LinearMemory } from "../memory/linear-memory.ts";
import type { ModuleShape } from "../module/module-shape.ts";
import { GuestExit, type StopSwitch } from "../stop.ts";
import type { WasmFunction } from "../webassembly.ts";
import { Clocks } from "./wasi-clocks.ts";
import { ERRNO } from "./wasi-errno.ts";
import type { WasiFiles } from "./wasi-files.ts";
import { PollOneoff } from "./wasi-poll.ts";
import type { OutputStream } from "./wasi-streams.ts";

/**
 * WASI preview 1 without ambient authority: arguments, clocks, random numbers and the three standard streams, and files of a tree in
 * memory where the host gives one. No file of the host's, no environment, no socket: there is no code here that could reach one. Every
 * pointer and every size is the guest's word, so each is bounds-checked, and each that costs time or memory of the host is capped.
 */

/** POSIX's customary IOV_MAX. */
const MAX_VECTORS = 1024;
/** Bytes that one `fd_read` or `fd_write` moves. What is left over is a short count, which every libc repeats for. */
const MAX_TRANSFER_BYTES = 1 << 20;
/** Bytes that one `random_get` fills. */
const MAX_RANDOM_BYTES = 1 << 20;

const VECTOR_BYTES = 8;
const FDSTAT_BYTES = 24;
const RIGHT_READ = 2n;
const RIGHT_WRITE = 64n;
const STREAMS = 3;

export interface WasiOptions {
  readonly memory: LinearMemory;
  readonly stop: StopSwitch;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Milliseconds that one call may sleep, in total. */
  readonly maxSleepMs: number;
  /** What it can read. Without them there is no file. */
  readonly files?: WasiFiles | undefined;
}

/** What a program can change of it. */
export interface WasiState {
  readonly open: readonly boolean[];
  readonly position: number;
  readonly elapsedMs: number;
}

type WasiFunctions = { readonly [Name in keyof typeof WASI_FUNCTIONS]: WasmFunction };

export class Wasi implements WasiFunctions {
  readonly #memory: LinearMemory;
  readonly #stop: StopSwitch;
  readonly #outputs: readonly (OutputStream | undefined)[];
  readonly #clocks: Clocks;
  readonly #poll: PollOneoff;
  readonly #files: WasiFiles | undefined;
  #arguments: readonly Buffer[] = [];
  #stdin: Uint8Array = Buffer.alloc(0);
  #position = 0;
  #open = [true, true, true];

  constructor(options: WasiOptions) {
    this.#memory = options.memory;
    this.#stop = options.stop;
    this.#outputs = [undefined, options.stdout, options.stderr];
    this.#files = options.files;
    this.#clocks = new Clocks();
    this.#poll = new PollOneoff(this.#memory, this.#clocks, options.stop, options.maxSleepMs, (fd) =>
      this.#readiness(fd),
    );
  }

  /** A new program: its arguments, and its standard streams open, with `stdin` to read from. */
  start(args: readonly string[], stdin: Uint8Array): void {
    this.#arguments = args.map((arg) => Buffer.from(`${arg}\0`));
    this.#stdin = stdin;
    this.#position = 0;
    this.#open = [true, true, true];
    this.#clocks.elapsedMs = 0;
    this.#poll.renew();
  }

  get state(): WasiState {
    return { open: this.#open.slice(), position: this.#position, elapsedMs: this.#clocks.elapsedMs };
  }

  /** As it was, for a program that goes on from there. */
  restore({ open, position, elapsedMs }: WasiState): void {
    this.#open = open.slice();
    this.#position = position;
    this.#clocks.elapsedMs = elapsedMs;
    this.#poll.renew();
  }

  /** A new call of a program that goes on. */
  renew(): void {
    this.#poll.renew();
  }

  /** The functions that this module imports, bound. */
  imports(shape: ModuleShape): Record<string, WasmFunction> {
    const functions: Record<string, WasmFunction> = {};
    const files: Record<string, WasmFunction> = { ...this.#files?.functions() };
    if (this.#files !== undefined) files.fd_pread = this.#readAt.bind(this);
    for (const { module, name } of shape.imports) {
      if (module !== WASI) continue;
      const implemented = this[name as keyof WasiFunctions] as WasmFunction;
      functions[name] = isAbsent(module, name) ? (files[name] ?? (() => ERRNO.nosys)) : implemented.bind(this);
    }
    return functions;
  }

  args_sizes_get(countOut: number, bytesOut: number): number {
    const bytes = this.#arguments.reduce((sum, arg) => sum + arg.length, 0);
    return this.#putPair(countOut, this.#arguments.length, bytesOut, bytes);
  }

  args_get(pointersOut: number, textOut: number): number {
    let pointer = pointersOut >>> 0;
    let text = textOut >>> 0;
    for (const arg of this.#arguments) {
      if (!this.#memory.has(pointer, 4) || !this.#memory.has(text, arg.length)) return ERRNO.fault;
      this.#memory.bytes.writeUInt32LE(text, pointer);
      this.#memory.bytes.set(arg, text);
      pointer += 4;
      text += arg.length;
    }
    return ERRNO.success;
  }

  environ_sizes_get(countOut: number, bytesOut: number): number {
    return this.#putPair(countOut, 0, bytesOut, 0);
  }

  environ_get(): number {
    return ERRNO.success;
  }

  clock_res_get(clock: number, out: number): number {
    return this.#putTime(this.#clocks.resolution(clock), out);
  }

  clock_time_get(clock: number, _precision: bigint, out: number): number {
    return this.#putTime(this.#clocks.now(clock), out);
  }

  random_get(pointer: number, length: number): number {
    const start = pointer >>> 0;
    const size = length >>> 0;
    if (!this.#memory.has(start, size)) return ERRNO.fault;
    if (size > MAX_RANDOM_BYTES) return ERRNO.inval;
    randomFillSync(this.#memory.bytes, start, size);
    return ERRNO.success;
  }

  fd_write(fd: number, vectors: number, count: number, writtenOut: number): number {
    const output = this.#isOpen(fd) ? this.#outputs[fd] : undefined;
    if (output === undefined) return ERRNO.badf;
    return this.#transfer(vectors, count, writtenOut, (start, length) => {
      output.write(this.#memory.bytes.subarray(start, start + length));
      return length;
    });
  }

  fd_read(fd: number, vectors: number, count: number, readOut: number): number {
    if (this.#files?.has(fd)) return this.#readFile(this.#files, fd, vectors, count, readOut);
    if (fd !== 0 || !this.#isOpen(0)) return ERRNO.badf;
    return this.#transfer(vectors, count, readOut, (start, length) => {
      const part = this.#stdin.subarray(this.#position, this.#position + length);
      this.#memory.bytes.set(part, start);
      this.#position += part.length;
      return part.length;
    });
  }

  fd_close(fd: number): number {
    if (this.#files?.has(fd)) return this.#files.close(fd);
    if (!this.#isOpen(fd)) return ERRNO.badf;
    this.#open[fd] = false;
    return ERRNO.success;
  }

  fd_seek(fd: number, offset: bigint, whence: number, out: number): number {
    if (this.#files?.has(fd)) return this.#files.seek(fd, offset, whence, out);
    return this.#isOpen(fd) ? ERRNO.spipe : ERRNO.badf;
  }

  /** A stream of unknown type: a terminal would make C libraries write line by line. */
  fd_fdstat_get(fd: number, out: number): number {
    if (this.#files?.has(fd)) return this.#files.fdstat(fd, out);
    if (!this.#isOpen(fd)) return ERRNO.badf;
    const start = out >>> 0;
    if (!this.#memory.has(start, FDSTAT_BYTES)) return ERRNO.fault;
    const bytes = this.#memory.bytes;
    bytes.fill(0, start, start + FDSTAT_BYTES);
    bytes.writeBigUInt64LE(fd === 0 ? RIGHT_READ : RIGHT_WRITE, start + 8);
    return ERRNO.success;
  }

  /** `badf` is the answer that ends a libc's search for directories. */
  fd_prestat_get(fd: number, out: number): number {
    return this.#files?.prestat(fd, out) ?? ERRNO.badf;
  }

  poll_oneoff(subscriptions: number, events: number, count: number, eventsOut: number): number {
    return this.#poll.poll(subscriptions >>> 0, events >>> 0, count >>> 0, eventsOut >>> 0);
  }

  proc_exit(code: number): never {
    return this.#stop.stop(new GuestExit(code >>> 0));
  }

  sched_yield(): number {
    return ERRNO.success;
  }

  #isOpen(fd: number): boolean {
    return fd >= 0 && fd < STREAMS && this.#open[fd] === true;
  }

  /** Bytes that can be moved now, or `undefined` for a descriptor that is not open. */
  #readiness(fd: number): number | undefined {
    if (this.#files?.has(fd)) return MAX_TRANSFER_BYTES;
    if (!this.#isOpen(fd)) return undefined;
    return fd === 0 ? this.#stdin.length - this.#position : MAX_TRANSFER_BYTES;
  }

  #readFile(files: WasiFiles, fd: number, vectors: number, count: number, readOut: number): number {
    if (files.isFolder(fd)) return ERRNO.isdir;
    return this.#transfer(vectors, count, readOut, (start, length) => {
      const part = files.read(fd, length)!;
      this.#memory.bytes.set(part, start);
      return part.length;
    });
  }

  #readAt(fd: number, vectors: number, count: number, position: bigint, readOut: number): number {
    const files = this.#files;
    if (!files?.has(fd)) return this.#isOpen(fd) ? ERRNO.spipe : ERRNO.badf;
    return files.at(fd, position, () => this.#readFile(files, fd, vectors, count, readOut));
  }

  /** Goes through the vectors of a read or write until one is not moved whole; `move` returns how much of it was. */
  #transfer(vectors: number, count: number, out: number, move: (start: number, length: number) => number): number {
    const first = vectors >>> 0;
    const total = count >>> 0;
    if (total > MAX_VECTORS) return ERRNO.inval;
    if (!this.#memory.has(first, total * VECTOR_BYTES) || !this.#memory.has(out >>> 0, 4)) return ERRNO.fault;
    let moved = 0;
    for (let at = first; at < first + total * VECTOR_BYTES; at += VECTOR_BYTES) {
      const start = this.#memory.bytes.readUInt32LE(at);
      const wanted = this.#memory.bytes.readUInt32LE(at + 4);
      if (!this.#memory.has(start, wanted)) return ERRNO.fault;
      const done = move(start, Math.min(wanted, MAX_TRANSFER_BYTES - moved));
      moved += done;
      if (done < wanted) break;
    }
    this.#memory.bytes.writeUInt32LE(moved, out >>> 0);
    return ERRNO.success;
  }

  #putPair(firstOut: number, first: number, secondOut: number, second: number): number {
    if (!this.#memory.has(firstOut >>> 0, 4) || !this.#memory.has(secondOut >>> 0, 4)) return ERRNO.fault;
    this.#memory.bytes.writeUInt32LE(first, firstOut >>> 0);
    this.#memory.bytes.writeUInt32LE(second, secondOut >>> 0);
    return ERRNO.success;
  }

  #putTime(nanoseconds: bigint | undefined, out: number): number {
    if (nanoseconds === undefined) return ERRNO.inval;
    if (!this.#memory.has(out >>> 0, 8)) return ERRNO.fault;
    this.#memory.bytes.writeBigUInt64LE(nanoseconds, out >>> 0);
    return ERRNO.success;
  }
}

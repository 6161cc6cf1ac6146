import {
  COUNTDOWN,
  type Folder,
  type Globals,
  GuestExit,
  LinearMemory,
  MemoryImage,
  type OpenFiles,
  StopSwitch,
  Ticker,
  Wasi,
  WasiFiles,
  type WasmFunction,
  type WasmGlobal,
  type WasmMemory,
  wasmApi,
} from "@extruntime/wasm/machine";
import { type Call, ExtensionError, UNLIMITED } from "extruntime/engine";
import { Suspended } from "../calls/suspended-call.ts";
import { crashed, outOfMemory } from "../outcome.ts";
import { ANSWER, type InterpreterExports, MEMORY_IMPORT, type MemoryMaker } from "./abi.ts";
import type { PythonCode } from "./code.ts";
import { HostAccess } from "./host-access.ts";
import { Journal } from "./journal.ts";
import type { Output } from "./output.ts";

/** Bytes that a memory can have. */
const MAX_PAGES = 65_536;
const PAGE_BYTES = 65_536;
/** An interpreter whose memory has grown by so much is given up after its program: a memory never shrinks. */
const KEPT_GROWTH_BYTES = 16 * 2 ** 20;
const ERROR_LEVEL = 3;

/** The state of an interpreter between two calls. */
export interface InterpreterImage {
  readonly memory: MemoryImage;
  readonly openFiles: OpenFiles;
}

/**
 * One Python in one linear memory. It runs on the thread that calls it, and serves one program at a time. After a run that threw nothing in it is certain: it is to be
 * put back to an image.
 */
export class Interpreter {
  readonly host: HostAccess;
  /** Bytes that its memory may have. */
  limit = MAX_PAGES * PAGE_BYTES;
  output: Output | undefined;
  readonly #exports: InterpreterExports;
  readonly #memory = new LinearMemory();
  readonly #wasmMemory: WasmMemory;
  readonly #globals: Globals;
  /** Between two calls they are as at the start. */
  readonly #initialGlobals: readonly (readonly [string, number | bigint])[];
  readonly #files: WasiFiles;
  readonly #journal: Journal;
  readonly #stop = new StopSwitch();
  readonly #ticker: Ticker;
  readonly #answer: number;
  readonly #initialBytes: number;
  /** It was refused memory in this run. */
  #refused = false;
  /** Of the process, in milliseconds, until when this run may take. */
  #processorUntil: number | undefined;
  /** Memory and files at the start of a call, and how much of the buffer is that. */
  #start = { memory: Buffer.alloc(0), length: 0, openFiles: [] as OpenFiles };

  /** @param root all files that it sees. */
  constructor(code: PythonCode, root: Folder) {
    this.#initialBytes = code.pages * PAGE_BYTES;
    const Memory = (wasmApi as unknown as { Memory: MemoryMaker }).Memory;
    this.#wasmMemory = new Memory({ initial: code.pages, maximum: MAX_PAGES });
    this.#memory.attach(this.#wasmMemory);
    this.#files = new WasiFiles(this.#memory, root);
    const errors = { write: (chunk: Uint8Array) => this.output?.write(ERROR_LEVEL, Buffer.from(chunk).toString()) };
    const wasi = new Wasi({
      memory: this.#memory,
      stop: this.#stop,
      stdout: errors,
      stderr: errors,
      maxSleepMs: Number.POSITIVE_INFINITY,
      files: this.#files,
    });
    this.#journal = new Journal(this.#memory);
    this.host = new HostAccess(this.#memory, this.#stop, this.#journal, (length) => this.#roomForAnswer(length));
    const own = {
      ...this.host.imports(),
      grow: (bytes: number) => this.#grow(bytes >>> 0),
      write: (level: number, text: number, length: number) =>
        this.#journal.told(() => this.#write(level, text >>> 0, length >>> 0)),
    };
    const imports = {
      wasi_snapshot_preview1: journaled(wasi.imports(code.shape), this.#journal),
      extruntime: own as unknown as Record<string, WasmFunction>,
      [MEMORY_IMPORT.module]: { [MEMORY_IMPORT.name]: this.#wasmMemory as unknown as WasmFunction },
    };
    const { exports } = new wasmApi.Instance(code.module, imports);
    this.#exports = exports as unknown as InterpreterExports;
    this.#globals = globalsOf(exports);
    this.#initialGlobals = [...this.#globals].map(([name, { value }]) => [name, value]);
    this.#ticker = new Ticker((now) => {
      const until = this.#processorUntil;
      this.#stop.check(until !== undefined && processorTime() >= until ? Number.POSITIVE_INFINITY : now);
    });
    this.#ticker.attach(exports);
    this.#answer = this.#exports.ext_answer() >>> 0;
  }

  /** Starts Python, which takes a third of a second: for the image that all others begin with. The seed is that of `hash()`. */
  start(pythonHalf: string, hashSeed: number): void {
    this.#exports._initialize();
    const status = this.#exports.ext_start(this.#put(pythonHalf), hashSeed);
    if (status !== 0) throw new Error(`Python does not start (${status}): ${this.text}`);
  }

  image(base?: InterpreterImage): InterpreterImage {
    const used = this.#memory.bytes.subarray(0, this.#exports.ext_heap_end() >>> 0);
    return { memory: MemoryImage.of(used, this.#globals, base?.memory), openFiles: this.#files.openFiles };
  }

  /** Nothing of what it was is left. */
  restore(image: InterpreterImage): void {
    const missing = image.memory.length - this.#wasmMemory.buffer.byteLength;
    if (missing > 0) this.#wasmMemory.grow(Math.ceil(missing / PAGE_BYTES));
    image.memory.writeTo(this.#memory.bytes, this.#globals);
    this.#files.reopen(image.openFiles);
    this.host.forget();
  }

  /** A call begins that may have to wait for the host in the midst of its code, where that cannot be held: it can be done again. */
  keepStart(): void {
    if (!this.host.mayAnswerLater) return;
    const used = this.#memory.bytes.subarray(0, this.#exports.ext_heap_end() >>> 0);
    if (this.#start.memory.length < used.length) this.#start.memory = Buffer.allocUnsafeSlow(used.length);
    used.copy(this.#start.memory);
    this.#start.length = used.length;
    this.#start.openFiles = this.#files.openFiles;
    this.#journal.begin();
  }

  /** The call is as it was at its start, and will be told this answer in the place where it was left. */
  backToStart(answer: string): void {
    const { memory, length, openFiles } = this.#start;
    const { bytes } = this.#memory;
    memory.copy(bytes, 0, 0, length);
    bytes.fill(0, length);
    for (const [name, value] of this.#initialGlobals) this.#globals.get(name)!.value = value;
    this.#files.reopen(openFiles);
    this.#journal.again(answer);
  }

  /** The call is past what can be done again. */
  leaveStart(): void {
    this.#journal.end();
  }

  mount(root: Folder): void {
    this.#files.mount(root);
  }

  /** Its memory is so large that a new one is better. */
  get hasGrown(): boolean {
    return this.#wasmMemory.buffer.byteLength > this.#initialBytes + KEPT_GROWTH_BYTES;
  }

  /** It was refused memory in the last run. */
  get refused(): boolean {
    return this.#refused;
  }

  /**
   * Runs an export within the limits of a call, with text of the host's where it takes any, and returns its status.
   *
   * @param processorMs milliseconds of the process's processor time that it has at the most.
   * @throws ExtensionError for what ended the run before its end; nothing in its memory is certain then.
   */
  run(
    call: Call,
    text: string | undefined,
    body: (exports: InterpreterExports, length: number) => number,
    processorMs?: number,
  ): number {
    const stop = this.#stop;
    stop.deadline = call.deadline;
    this.#processorUntil = processorMs === undefined ? undefined : processorTime() + processorMs;
    this.#refused = false;
    this.host.caller = call;
    this.#ticker.begin();
    try {
      return body(this.#exports, text === undefined ? 0 : this.#put(text));
    } catch (thrown) {
      throw thrown instanceof Suspended ? thrown : this.#failure(thrown);
    } finally {
      stop.reset();
      stop.deadline = UNLIMITED.deadline;
      this.output?.end();
    }
  }

  /** Hands over the answer of a host function, in a run. */
  answered(exports: InterpreterExports, number: number, answer: string): number {
    const length = this.host.put(answer);
    return exports.ext_answered(number, length);
  }

  /** The text that belongs to a status. */
  get text(): string {
    const { bytes } = this.#memory;
    const start = bytes.readUInt32LE(this.#answer + ANSWER.text);
    const length = bytes.readUInt32LE(this.#answer + ANSWER.length);
    if (!this.#memory.has(start, length))
      throw crashed(new wasmApi.RuntimeError("its answer lies outside of its memory"));
    return bytes.utf8Slice(start, start + length);
  }

  /** Bytes of it, or of what was too long. */
  get length(): number {
    return this.#memory.bytes.readUInt32LE(this.#answer + ANSWER.length);
  }

  /** Milliseconds until it has something to do by itself; negative for never. */
  get wait(): number {
    return this.#memory.bytes.readDoubleLE(this.#answer + ANSWER.wait);
  }

  #put(text: string): number {
    const length = Buffer.byteLength(text);
    const pointer = this.#exports.ext_room(length) >>> 0;
    if (pointer === 0) throw outOfMemory(this.limit);
    this.#memory.write(text, pointer, length);
    return length;
  }

  #roomForAnswer(length: number): number {
    const pointer = this.#exports.ext_answer_room(length) >>> 0;
    if (pointer === 0) this.#stop.stop(outOfMemory(this.limit));
    return pointer;
  }

  #grow(bytes: number): number {
    const have = this.#wasmMemory.buffer.byteLength;
    if (bytes <= this.limit) {
      try {
        if (bytes > have) this.#wasmMemory.grow(Math.ceil((bytes - have) / PAGE_BYTES));
        return 1;
      } catch {
        // The host has no more.
      }
    }
    this.#refused = true;
    return 0;
  }

  #write(level: number, start: number, length: number): void {
    if (this.output === undefined || this.output.isFull || !this.#memory.has(start, length)) return;
    this.output.write(level, this.#memory.bytes.utf8Slice(start, start + length));
  }

  #failure(thrown: unknown): ExtensionError {
    const reason = this.#stop.reason ?? thrown;
    if (ExtensionError.is(reason)) return reason;
    return this.#refused && !(reason instanceof GuestExit) ? outOfMemory(this.limit, reason) : crashed(reason);
  }
}

/** Those that its code sets, which an image has to have; the countdown of ticks is the host's. */
function globalsOf(exports: Readonly<Record<string, unknown>>): Globals {
  const { Global } = wasmApi as unknown as { Global: abstract new () => object };
  const all = new Map<string, WasmGlobal>();
  for (const [name, value] of Object.entries(exports))
    if (name !== COUNTDOWN && value instanceof Global) all.set(name, value as WasmGlobal);
  return all;
}

function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** With what it tells of time and chance written down. */
function journaled(wasi: Record<string, WasmFunction>, journal: Journal): Record<string, WasmFunction> {
  const { clock_time_get, random_get, poll_oneoff } = wasi as Record<string, (...args: unknown[]) => number>;
  const own = {
    clock_time_get: (clock: number, precision: bigint, out: number) =>
      journal.told(() => clock_time_get!(clock, precision, out), out >>> 0, 8),
    random_get: (at: number, length: number) => journal.told(() => random_get!(at, length), at >>> 0, length >>> 0),
    poll_oneoff: (input: number, output: number, count: number, countOut: number) => {
      const result = journal.told(() => poll_oneoff!(input, output, count, countOut), output >>> 0, (count >>> 0) * 32);
      journal.told(() => undefined, countOut >>> 0, 4);
      return result;
    },
  };
  return { ...wasi, ...(own as Record<string, unknown> as Record<string, WasmFunction>) };
}

import { Buffer } from "node:buffer";
import { COUNTDOWN, Ticker } from "@extruntime/wasm/machine";
import { EXPORTS, type ImportName, type QuickJSBuild, type QuickJSExports } from "./build.ts";
import { Wasm, type WasmImport, type WasmImports, type WasmMemory, type WasmModule } from "./webassembly.ts";

/** What QuickJS calls while it runs. An exception that crosses its frames costs the memory. */
export interface VmCallbacks {
  /** `true` stops the guest. Called every ten thousand steps or so. */
  interrupted(): boolean;
  /** Throws where the guest has to end now, whatever it does: for builtins, which never ask. `now` is on the clock of `performance.now()`. */
  checkTime(now: number): void;
  /** The guest called a function of the host's, known by its number. `argv` points to its arguments. Returns a value for QuickJS to free, or 0 for `undefined`. */
  called(fn: number, argv: number): number;
  /** Path of what `name` means in the module `base`. */
  resolveModule(base: string, name: string): string;
  /** Source of a module, or `undefined` where there is none. */
  moduleSource(path: string): string | undefined;
}

/** Node's own string calls on a Buffer: they are there in every version, and cost less than `write` and `toString`. */
interface TextBuffer extends Buffer {
  /** Writes at most `length` bytes; a lone surrogate as U+FFFD. Returns how many. */
  utf8Write(text: string, offset: number, length: number): number;
  utf8Slice(start: number, end: number): string;
}

const PAGE = 65_536;
/** What the build asks for, at the least and at the most: 16 MiB (of which 5 are its own stack) and 2 GiB. */
const INITIAL_PAGES = 256;
const MAXIMUM_PAGES = 32_768;
/** Bytes that are kept for payloads between calls. */
const SCRATCH_BYTES = 16_384;
/** Bytes in which the end of a text is looked for by hand. */
const NEAR_BYTES = 256;
const ENOSYS = 52;
/** Bytes that garbage in circles may take before it is looked for. */
const MAX_GARBAGE = 16_777_216;
/** Smaller holes are not taken for room. At the most an eighth of a limit. */
const PROBE_BYTES = 2_097_152;
const LONE_SURROGATE = /\p{Surrogate}/u;
const LONE_SURROGATES = /\p{Surrogate}/gu;

/**
 * One WebAssembly memory with QuickJS in it, and the few functions of a C library that QuickJS asks its host for: a
 * clock, the time zone, and more memory. There are no files, environment or streams to ask for.
 *
 * It may hold several QuickJS runtimes, each with its own heap. An exception that leaves its code (a trap, or the end
 * of the host's own stack) leaves the memory in an unknown state: it is then `dead`, with all that lives in it.
 */
export class LinearMemory {
  readonly exports: QuickJSExports;
  dead = false;
  /** It was asked for more than it may have. Whoever runs a guest sets it back. */
  exhausted = false;
  /** Live runtimes. */
  users = 0;
  /** Guests in it that wait on the stack for a function of the host's, which may run others meanwhile. */
  calledOut = 0;
  /** The guest whose code runs, the last of those that wait for each other. */
  #running: VmCallbacks | undefined;
  /** Of a build with ticks. */
  readonly #ticker: Ticker | undefined;
  /** Pointer to one `JSValue*`, for arguments. */
  readonly argv: number;
  readonly #memory: WasmMemory;
  readonly #callbacks = new Map<number, VmCallbacks>();
  readonly #contexts = new Map<number, VmCallbacks>();
  readonly #scratch: number;
  #bytes: TextBuffer;
  #view: DataView;
  /** Bytes that it may grow to. */
  #ceiling = MAXIMUM_PAGES * PAGE;
  #watermark = 0;
  readonly #probeBytes: number;
  /** Calls between two looks at it: the limit of one guest is soon reached. */
  readonly #interval: number;
  #looks = 0;

  /**
   * @param limit what may be allocated in it, or `undefined` for all that it holds, and whether that is for one guest. QuickJS's own limit is of
   * no use for that: in this build it counts eight bytes for a block of any size.
   * @param stopsBuiltins a deadline stops whatever a guest does, where that costs the memory with all that lives in it.
   */
  constructor(
    build: QuickJSBuild,
    module: WasmModule,
    limit?: { readonly bytes: number; readonly each: boolean },
    stopsBuiltins = true,
  ) {
    const heapBytes = limit?.bytes;
    this.#memory = new Wasm.Memory({ initial: INITIAL_PAGES, maximum: MAXIMUM_PAGES });
    this.#bytes = Buffer.from(this.#memory.buffer) as TextBuffer;
    this.#view = new DataView(this.#memory.buffer);
    const instance = new Wasm.Instance(module, this.#imports(build));
    this.exports = exportsByCName(build, instance);
    if (instance.exports[COUNTDOWN] !== undefined) {
      this.#ticker = new Ticker((now) => {
        if (stopsBuiltins) this.#running?.checkTime(now);
      });
      this.#ticker.attach(instance.exports);
    }
    this.exports.__wasm_call_ctors();
    if (heapBytes !== undefined) this.#limitHeap(heapBytes);
    this.#scratch = this.exports.malloc(SCRATCH_BYTES);
    this.argv = this.exports.malloc(4);
    this.#interval = limit?.each === true ? 1 : 16;
    this.#probeBytes = Math.min(PROBE_BYTES, (heapBytes ?? Number.POSITIVE_INFINITY) / 8);
    this.setWatermark();
  }

  get byteLength(): number {
    return this.#memory.buffer.byteLength;
  }

  /**
   * Whether a good part of what was free the last time is taken. QuickJS frees what is not in circles at once, and looks
   * for circles after so many allocations: of large ones too few fit in.
   */
  get crowded(): boolean {
    if (this.#looks++ % this.#interval !== 0) return false;
    return this.#top() > this.#watermark;
  }

  /** Sets the mark for `crowded` by what is in use now. */
  setWatermark(): void {
    const top = Math.min(this.#top(), this.#ceiling);
    this.#watermark = top + Math.min(MAX_GARBAGE, (this.#ceiling - top) / 2);
  }

  /** Where an allocation of some size goes, which is above most of what is in use. */
  #top(): number {
    const probe = this.exports.malloc(this.#probeBytes) >>> 0;
    this.exports.free(probe);
    return probe === 0 ? Number.POSITIVE_INFINITY : probe;
  }

  /** A guest's code runs from now on. Gives what ran before, which runs again after it. */
  enter(guest: VmCallbacks | undefined): VmCallbacks | undefined {
    const before = this.#running;
    this.#running = guest;
    this.#ticker?.begin();
    return before;
  }

  /** Registers a runtime and its context. */
  attach(runtime: number, context: number, callbacks: VmCallbacks): void {
    this.#callbacks.set(runtime, callbacks);
    this.#contexts.set(context, callbacks);
    this.users++;
  }

  detach(runtime: number, context: number): void {
    this.#callbacks.delete(runtime);
    this.#contexts.delete(context);
    this.users--;
  }

  /**
   * Puts text into the memory as UTF-8 with a NUL behind it and passes its address on. UTF-8 has no lone surrogates:
   * they are written as JSON's escapes, which mean the same within the strings of a payload.
   * The address is valid until `use` returns, or until text is put there the next time.
   * `undefined` when there is no room for it.
   */
  withText(text: string, use: (pointer: number, bytes: number) => number): number | undefined {
    if (text.length * 3 < SCRATCH_BYTES) {
      const length = this.#buffer().utf8Write(text, this.#scratch, SCRATCH_BYTES);
      if (length !== text.length && LONE_SURROGATE.test(text)) return this.withText(escaped(text), use);
      this.#bytes[this.#scratch + length] = 0;
      return use(this.#scratch, length);
    }
    const size = Buffer.byteLength(text);
    if (size !== text.length && LONE_SURROGATE.test(text)) return this.withText(escaped(text), use);
    const pointer = this.exports.malloc(size + 1);
    if (pointer === 0) return undefined;
    this.#buffer().utf8Write(text, pointer >>> 0, size);
    this.#bytes[(pointer >>> 0) + size] = 0;
    const result = use(pointer, size);
    this.exports.free(pointer);
    return result;
  }

  /** The UTF-8 text at an address, up to its NUL. */
  text(pointer: number): string {
    const bytes = this.#buffer();
    const start = pointer >>> 0;
    // Most texts are short, and a loop finds their end in half the time of a call.
    let end = start;
    for (const near = start + NEAR_BYTES; end < near; end++) if (bytes[end] === 0) return bytes.utf8Slice(start, end);
    return bytes.utf8Slice(start, bytes.indexOf(0, end));
  }

  /** The same where it has so many bytes at the most; else how many it has. */
  textUpTo(pointer: number, most: number): string | number {
    const bytes = this.#buffer();
    const start = pointer >>> 0;
    let end = start;
    for (const near = start + NEAR_BYTES; end < near; end++) if (bytes[end] === 0) return bytes.utf8Slice(start, end);
    end = bytes.indexOf(0, end);
    return end - start > most ? end - start : bytes.utf8Slice(start, end);
  }

  /** A view of some bytes, valid until the memory grows. */
  bytes(from: number, length: number): Uint8Array {
    return this.#buffer().subarray(from >>> 0, (from >>> 0) + length);
  }

  setPointer(at: number, value: number): void {
    this.#refreshed().setInt32(at >>> 0, value, true);
  }

  /** Copies text to the heap for QuickJS to free, NUL at its end. Returns 0 when there is no room. */
  ownedText(text: string): number {
    const size = Buffer.byteLength(text);
    const pointer = this.exports.malloc(size + 1);
    if (pointer === 0) return 0;
    this.#buffer().utf8Write(text, pointer >>> 0, size);
    this.#bytes[(pointer >>> 0) + size] = 0;
    return pointer;
  }

  /** A memory that grew has a new buffer; the old one has no length any more. */
  #buffer(): TextBuffer {
    if (this.#bytes.length === 0) this.#refresh();
    return this.#bytes;
  }

  #refreshed(): DataView {
    if (this.#bytes.length === 0) this.#refresh();
    return this.#view;
  }

  #refresh(): void {
    this.#bytes = Buffer.from(this.#memory.buffer) as TextBuffer;
    this.#view = new DataView(this.#memory.buffer);
  }

  #imports(build: QuickJSBuild): WasmImports {
    const imports: Record<string, Record<string, WasmImport>> = {};
    for (const [name, value] of Object.entries(this.#host())) {
      const [module, field] = build.imports[name as ImportName];
      imports[module] ??= {};
      imports[module][field] = value;
    }
    for (const [module, fields] of Object.entries(build.extraImports?.(this) ?? {}))
      imports[module] = { ...imports[module], ...fields };
    return imports;
  }

  #host(): Record<ImportName, WasmImport> {
    return {
      memory: this.#memory,
      qts_host_interrupt_handler: (runtime: number) => (this.#callbacks.get(runtime)?.interrupted() === true ? 1 : 0),
      qts_host_call_function: (context: number, _this: number, _argc: number, argv: number, fn: number) =>
        this.#contexts.get(context)?.called(fn, argv) ?? 0,
      qts_host_normalize_module: (runtime: number, _context: number, base: number, name: number) => {
        const path = this.#callbacks.get(runtime)?.resolveModule(this.text(base), this.text(name));
        return path === undefined ? 0 : this.ownedText(path);
      },
      qts_host_load_module_source: (runtime: number, _context: number, path: number) => {
        const source = this.#callbacks.get(runtime)?.moduleSource(this.text(path));
        return source === undefined ? 0 : this.ownedText(source);
      },
      qts_host_ref_free: () => undefined,
      emscripten_resize_heap: (bytes: number) => (this.#grow(bytes >>> 0) ? 1 : 0),
      emscripten_date_now: () => Date.now(),
      _tzset_js: (zone: number, daylight: number) => {
        this.setPointer(zone, 60 * new Date().getTimezoneOffset());
        this.setPointer(daylight, 0);
      },
      _localtime_js: (seconds: bigint, tm: number) => this.#localTime(Number(seconds), tm),
      environ_sizes_get: (count: number, size: number) => {
        this.setPointer(count, 0);
        this.setPointer(size, 0);
        return 0;
      },
      environ_get: () => 0,
      fd_write: () => ENOSYS,
      fd_close: () => ENOSYS,
      fd_seek: () => ENOSYS,
      _setitimer_js: () => 0,
      _emscripten_runtime_keepalive_clear: () => undefined,
      __assert_fail: (condition: number) => this.#abort(`assertion failed: ${this.text(condition)}`),
      _abort_js: () => this.#abort("it aborted"),
      proc_exit: (code: number) => this.#abort(`it exited with ${code}`),
    };
  }

  /** What the first pages hold beyond the limit is allocated for good, and never touched. */
  #limitHeap(bytes: number): void {
    const start = this.exports.malloc(16);
    this.exports.free(start);
    this.#ceiling = Math.min(this.#ceiling, start + bytes);
    const surplus = INITIAL_PAGES * PAGE - this.#ceiling;
    if (surplus > 0) this.exports.malloc(surplus);
  }

  #abort(why: string): never {
    this.dead = true;
    throw new Wasm.RuntimeError(why);
  }

  /** Grows by a fifth at the least, so that filling a large memory takes few steps. */
  #grow(bytes: number): boolean {
    const now = this.byteLength;
    const wish = Math.min(this.#ceiling, Math.max(bytes, now + Math.min(now / 5, 1600 * PAGE)));
    if (bytes <= this.#ceiling && (this.#growTo(wish) || this.#growTo(bytes))) return true;
    this.exhausted = true;
    return false;
  }

  #growTo(bytes: number): boolean {
    try {
      this.#memory.grow(Math.ceil((bytes - this.byteLength) / PAGE));
      return true;
    } catch {
      return false;
    }
  }

  /** Fills a C `struct tm` for the host's time zone. */
  #localTime(seconds: number, tm: number): void {
    const date = new Date(seconds * 1000);
    const newYear = new Date(date.getFullYear(), 0, 1);
    const offset = date.getTimezoneOffset();
    const standard = Math.max(newYear.getTimezoneOffset(), new Date(date.getFullYear(), 6, 1).getTimezoneOffset());
    const dayOfYear = Math.round(
      (Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0, 1)) / 86_400_000,
    );
    const fields = [date.getSeconds(), date.getMinutes(), date.getHours(), date.getDate(), date.getMonth()];
    fields.push(date.getFullYear() - 1900, date.getDay(), dayOfYear, offset < standard ? 1 : 0, -60 * offset);
    const view = this.#refreshed();
    for (const [index, field] of fields.entries()) view.setInt32((tm >>> 0) + 4 * index, field, true);
  }
}

function escaped(text: string): string {
  return text.replace(LONE_SURROGATES, (unit, at: number) => {
    let slashes = 0;
    while (text[at - 1 - slashes] === "\\") slashes++;
    // Behind a backslash it is no JSON, and must not become any.
    return slashes % 2 === 1 ? "\ufffd" : `\\u${unit.charCodeAt(0).toString(16)}`;
  });
}

function exportsByCName(
  build: QuickJSBuild,
  instance: { readonly exports: Readonly<Record<string, unknown>> },
): QuickJSExports {
  const found: Record<string, unknown> = {};
  for (const cName of ["__wasm_call_ctors", ...EXPORTS] as const) {
    const value = instance.exports[build.exportName(cName)];
    if (typeof value !== "function") throw new Error(`the build of QuickJS at ${build.path} lacks ${cName}`);
    found[cName] = value;
  }
  return found as QuickJSExports;
}

import { COUNTDOWN, Ticker } from "@extruntime/wasm/machine";
import { EXPORTS, type ImportName, PAGES, type QuickJSBuild, type QuickJSExports, STACK_POINTER } from "./build.ts";
import { cLibrary } from "./c-library.ts";
import {
  CHUNK_BYTES,
  MemoryDifference,
  type MemoryImage,
  type MemoryLayout,
  takeImage,
  WASM_PAGE,
} from "./memory-image.ts";
import { MemoryText } from "./memory-text.ts";
import { Wasm, type WasmGlobal, type WasmImport, type WasmImports, type WasmModule } from "./webassembly.ts";

/** What QuickJS calls while it runs. An exception that crosses its frames costs the memory. */
export interface VmCallbacks {
  /** `true` stops the guest. Called every 250 steps or so. */
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

/** What the build asks for, at the least and at the most: 16 MiB (of which 5 are its own stack) and 2 GiB. */
const INITIAL_PAGES = 256;
const MAXIMUM_PAGES = 32_768;
/** What the build's own stack takes, between its static data and its heap. */
const STACK_BYTES = 5 * 2 ** 20;
/** Of that, what frames may take past the limit that QuickJS looks at between its calls. */
const STACK_SURPLUS_BYTES = 65_536;
/** Bytes that garbage in circles may take before it is looked for: these, or half of what is in use, and never more than half of what is left. */
const MAX_GARBAGE = 16_777_216;
const MOST_GROWTH_BYTES = 1600 * WASM_PAGE;
/** Smaller holes are not taken for room. At the most an eighth of a limit. */
const PROBE_BYTES = 2_097_152;

/**
 * One WebAssembly memory with QuickJS in it. An exception that leaves its code (a trap, or the end of the host's own
 * stack) leaves it in an unknown state: it is then `dead`, with all that lives in it, until it is put back as it was.
 *
 * It may hold several QuickJS runtimes, each with its own heap, where nothing wants to put it back.
 */
export class LinearMemory extends MemoryText {
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
  /** Bytes that what is allocated in it may take together. Asked where it wants more. */
  room: () => number = () => Number.POSITIVE_INFINITY;
  /** Above it, so much is in use that garbage in circles is looked for. */
  watermark = 0;
  /** Pointer to one `JSValue*`, for arguments. */
  readonly argv: number;
  readonly #callbacks = new Map<number, VmCallbacks>();
  readonly #contexts = new Map<number, VmCallbacks>();
  /** Pages that the code takes the memory to have, and the stack pointer. Of a build that can be put back. */
  readonly #pages: WasmGlobal | undefined;
  readonly #stack: WasmGlobal | undefined;
  /** Of the heap. */
  readonly #start: number;
  readonly #layout: MemoryLayout;
  #now: number | undefined;
  /** From where its stack is cleared. */
  readonly #stackEnd: number;

  /**
   * @param stopsBuiltins a deadline stops whatever a guest does, where that costs the memory with all that lives in it.
   * @param stackBytes of it, those that QuickJS lets its guests use.
   */
  constructor(build: QuickJSBuild, module: WasmModule, stopsBuiltins = true, stackBytes = STACK_BYTES) {
    super(new Wasm.Memory({ initial: INITIAL_PAGES, maximum: MAXIMUM_PAGES }));
    const instance = new Wasm.Instance(module, this.#imports(build));
    this.exports = exportsByCName(build, instance);
    if (instance.exports[COUNTDOWN] !== undefined) {
      this.#ticker = new Ticker((now) => {
        if (stopsBuiltins) this.#running?.checkTime(now);
      });
      this.#ticker.attach(instance.exports);
    }
    this.#stack = instance.exports[STACK_POINTER] as WasmGlobal | undefined;
    this.#pages = instance.exports[PAGES] as WasmGlobal | undefined;
    this.#start = this.#stack?.value ?? 0;
    this.#layout = {
      dataEnd: up(this.#start - STACK_BYTES),
      heapStart: up(this.#start) - CHUNK_BYTES,
    };
    this.#stackEnd = Math.max(this.#layout.dataEnd, this.#layout.heapStart - stackBytes - STACK_SURPLUS_BYTES);
    if (this.#pages !== undefined) this.#pages.value = Math.ceil(this.#start / WASM_PAGE);
    this.exports.__wasm_call_ctors();
    this.reserve();
    this.argv = this.exports.malloc(4);
    this.startWatermark();
  }

  /** Whether it can be put back as it was: a build to debug with cannot. */
  get resets(): boolean {
    return this.#pages !== undefined;
  }

  /** Bytes of its heap that are in use, or were. */
  get heapBytes(): number {
    return this.#size - this.#start;
  }

  /** Whether it has grown, which nothing takes back. */
  get grown(): boolean {
    return this.byteLength > INITIAL_PAGES * WASM_PAGE;
  }

  /** What it holds, while none of its code is on the stack. */
  image(): MemoryImage {
    return takeImage(this.buffer(), this.#layout, this.#pages!.value);
  }

  /** In what it differs from an image. */
  differenceFrom(image: MemoryImage): MemoryDifference {
    return new MemoryDifference(this.buffer(), image, this.#layout, this.#pages!.value);
  }

  /**
   * Puts it back as it was, whatever has become of it, once no frame of its code is on the stack. Nothing is left of what
   * was in it meanwhile, in what was used of its stack and heap.
   */
  restore(image: MemoryImage, difference?: MemoryDifference): void {
    const { heapStart } = this.#layout;
    const used = this.#size;
    const pages = difference?.pages ?? image.pages;
    if (!this.#reaches(pages * WASM_PAGE)) throw new RangeError("there is no room for the state of a guest");
    const bytes = this.buffer();
    bytes.set(image.data, 0);
    bytes.fill(0, this.#stackEnd, heapStart);
    bytes.set(image.heap, heapStart);
    const end = heapStart + image.heap.length;
    if (used > end) bytes.fill(0, end, used);
    difference?.apply(bytes);
    this.#stack!.value = this.#start;
    this.#pages!.value = pages;
    this.dead = false;
    this.exhausted = false;
    this.calledOut = 0;
  }

  /** Runs `body`, for which it is a given time. */
  atTime<Result>(now: number, body: () => Result): Result {
    this.#now = now;
    try {
      return body();
    } finally {
      this.#now = undefined;
    }
  }

  now(): number {
    return this.#now ?? Date.now();
  }

  get byteLength(): number {
    return this.memory.buffer.byteLength;
  }

  /** Where its allocator was told that the memory ends. */
  get #size(): number {
    return this.#pages === undefined ? this.byteLength : this.#pages.value * WASM_PAGE;
  }

  /**
   * Whether a good part of what was free the last time is taken. QuickJS frees what is not in circles at once, and looks
   * for circles after so many allocations: of large ones too few fit in.
   */
  get crowded(): boolean {
    return this.#size > this.watermark && this.#top() > this.watermark;
  }

  /** Sets the mark for `crowded` by what is in use now, once garbage is gone. */
  setWatermark(): void {
    this.watermark = this.#markAbove(this.#top());
  }

  /** The same for a new guest, which has left no garbage yet. */
  startWatermark(): void {
    this.watermark = this.#markAbove(this.#size);
  }

  #markAbove(end: number): number {
    const ceiling = this.#ceiling;
    const top = Math.min(end, ceiling);
    return top + Math.min(Math.max(MAX_GARBAGE, (top - this.#start) / 2), (ceiling - top) / 2);
  }

  /** Where its heap has to end. */
  get #ceiling(): number {
    return Math.min(MAXIMUM_PAGES * WASM_PAGE, this.#start + this.room());
  }

  /** Where an allocation of some size goes, which is above most of what is in use. */
  #top(): number {
    const probe = this.exports.malloc(Math.min(PROBE_BYTES, this.room() / 8)) >>> 0;
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

  #imports(build: QuickJSBuild): WasmImports {
    const imports: Record<string, Record<string, WasmImport>> = {};
    const guests = {
      interrupted: (runtime: number) => this.#callbacks.get(runtime)?.interrupted() === true,
      called: (context: number, fn: number, argv: number) => this.#contexts.get(context)?.called(fn, argv) ?? 0,
      resolveModule: (runtime: number, base: string, name: string) =>
        this.#callbacks.get(runtime)?.resolveModule(base, name),
      moduleSource: (runtime: number, path: string) => this.#callbacks.get(runtime)?.moduleSource(path),
    };
    for (const [name, value] of Object.entries(cLibrary(this.memory, this, guests))) {
      const [module, field] = build.imports[name as ImportName];
      imports[module] ??= {};
      imports[module][field] = value;
    }
    for (const [module, fields] of Object.entries(build.extraImports?.(this) ?? {}))
      imports[module] = { ...imports[module], ...fields };
    return imports;
  }

  /** Grows by a fifth of its heap at the least, so that filling a large one takes few steps. */
  grow(bytes: number): boolean {
    const ceiling = this.#ceiling;
    const more = Math.min((this.#size - this.#start) / 5, MOST_GROWTH_BYTES);
    const wish = Math.floor(Math.min(ceiling, this.#size + more) / WASM_PAGE) * WASM_PAGE;
    const least = up(bytes, WASM_PAGE);
    if (bytes <= ceiling)
      for (const end of [Math.max(wish, least), least])
        if (this.#reaches(end)) {
          if (this.#pages !== undefined) this.#pages.value = end / WASM_PAGE;
          return true;
        }
    this.exhausted = true;
    return false;
  }

  /** Whether the memory has an address, or can be made to. */
  #reaches(end: number): boolean {
    if (end <= this.byteLength) return true;
    try {
      this.memory.grow((end - this.byteLength) / WASM_PAGE);
      return true;
    } catch {
      return false;
    }
  }
}

function up(bytes: number, to = CHUNK_BYTES): number {
  return Math.ceil(bytes / to) * to;
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

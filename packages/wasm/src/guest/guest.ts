import { type Bounds, type Call, ExtensionError, type HostCalls, type LogLevel } from "extruntime/engine";
import { ALLOC, FREE, INITIALIZE, MEMORY, START } from "../abi/abi.ts";
import { Allocator } from "../abi/allocator.ts";
import { EXTRUNTIME, WASI } from "../machine/host-functions.ts";
import { LinearMemory } from "../machine/memory/linear-memory.ts";
import { type Globals, MemoryImage } from "../machine/memory/memory-image.ts";
import { FAILED_GROWTHS, START_FUNCTION } from "../machine/module/grow-watch.ts";
import { PAGE_BYTES } from "../machine/module/memory-limit.ts";
import type { CompiledModule } from "../machine/module/module-cache.ts";
import { globalsIn, moveState } from "../machine/state.ts";
import { GuestExit, StopSwitch } from "../machine/stop.ts";
import { checkedImports, Ticker } from "../machine/ticks/ticker.ts";
import { BoundedLog } from "../machine/wasi/bounded-log.ts";
import { Wasi } from "../machine/wasi/wasi.ts";
import { ErrorLog, LineLog, type OutputStream } from "../machine/wasi/wasi-streams.ts";
import type { WasmFunction, WasmGlobal, WasmImports, WasmInstance, WasmMemory } from "../machine/webassembly.ts";
import { AssemblyScriptEnv, UNTOUCHED_ENV } from "./assemblyscript.ts";
import { failureOf } from "./guest-failure.ts";
import { HostCall } from "./host-call.ts";
import type { GuestImage, ProgramState } from "./program-state.ts";

export interface GuestOptions {
  readonly compiled: CompiledModule;
  /** Makes an instance, of the build with ticks where that is asked for. */
  readonly link: (imports: WasmImports, ticking: boolean) => WasmInstance;
  readonly program: ProgramState;
  readonly log: (level: LogLevel, line: string) => void;
  readonly maxSleepMs: number;
  /** What the extension may call of the host. */
  readonly host: HostCalls | undefined;
  readonly bounds: Bounds;
  /** Where standard output goes; by default into the log. */
  readonly stdout?: OutputStream | undefined;
}

export type GuestExports = Readonly<Record<string, WasmFunction>>;

const NOT_MOVABLE =
  "its code changes tables or drops segments, so a deadline stops it only where it is known at load: set limits.timeoutMs in the manifest, in the policy or in load()";

/** Bytes by which a memory may have grown that is put back; past it a new one takes less. */
const MOST_GROWTH = 32 * 2 ** 20;

/** A WebAssembly instance that can be put back to an image. */
interface KeptInstance {
  readonly exports: GuestExports;
  readonly ticking: boolean;
  readonly globals: Globals;
}

/** The host's side of one guest: its memory, what it imports, and how its runs end. */
export class Guest {
  readonly memory = new LinearMemory();
  /** Bytes that the memory may have at the most. */
  readonly maxBytes: number;
  readonly #stop = new StopSwitch();
  readonly #wasi: Wasi;
  /** Of a guest that imports it. */
  readonly #hostCall: HostCall | undefined;
  /** Of a guest that imports any of it. */
  readonly #env: AssemblyScriptEnv | undefined;
  readonly #hasImports: boolean;
  readonly #compiled: CompiledModule;
  readonly #link: GuestOptions["link"];
  readonly #program: ProgramState;
  readonly #imports: WasmImports;
  /** The same, with a look at the clock in each. */
  #checked: WasmImports | undefined;
  /** Of an instance that has ticks. */
  #ticker: Ticker | undefined;
  #exports: GuestExports = {};
  #kept: KeptInstance | undefined;
  #args: readonly string[] = [];
  #runs = 0;
  readonly #log: BoundedLog;
  readonly #stdoutLines: LineLog;
  readonly #stderr: ErrorLog;
  /** How often the memory did not grow in this run, of a guest that grows it at all. */
  #failedGrowths: WasmGlobal | undefined;

  constructor(options: GuestOptions) {
    const { shape } = options.compiled;
    this.#compiled = options.compiled;
    this.maxBytes = options.compiled.maxPages * PAGE_BYTES;
    this.#hasImports = shape.imports.length > 0;
    this.#link = options.link;
    this.#program = options.program;
    this.#log = new BoundedLog(options.log);
    this.#stdoutLines = new LineLog(this.#log, "info");
    this.#stderr = new ErrorLog(this.#log);
    this.#wasi = new Wasi({
      memory: this.memory,
      stop: this.#stop,
      stdout: options.stdout ?? this.#stdoutLines,
      stderr: this.#stderr,
      maxSleepMs: options.maxSleepMs,
    });
    this.#imports = {
      [WASI]: this.#wasi.imports(shape),
    };
    if (shape.imports.some(({ module }) => module === "env")) {
      this.#env = new AssemblyScriptEnv(this.memory, this.#stop, this.#log);
      this.#imports.env = this.#env.imports(shape);
    }
    if (shape.imports.some(({ module }) => module === EXTRUNTIME)) {
      this.#hostCall = new HostCall(this.memory, this.#stop, options.host, options.bounds);
      this.#imports[EXTRUNTIME] = this.#hostCall.imports();
    }
  }

  /**
   * Starts a program that stays: makes a WebAssembly instance, which runs its start function if it has one, and calls
   * what it exports to be called first: `_initialize` of a reactor, or `_start`. Throws the failure of either.
   */
  start(args: readonly string[], deadline: number): GuestExports {
    this.#args = args;
    this.#kept = undefined;
    this.#wasi.start(args, Buffer.alloc(0));
    this.#env?.restore(UNTOUCHED_ENV);
    const isTimed = deadline !== Number.POSITIVE_INFINITY;
    try {
      const exports = this.#instantiate(
        this.#program.ticks || (isTimed && !this.#compiled.builds.startIsBrief),
        deadline,
      );
      if (exports[INITIALIZE] !== undefined) exports[INITIALIZE]();
      else this.#runStart(exports[START]);
      this.endRun();
      if (this.#program.resets) this.#keepImage();
      return exports;
    } catch (thrown) {
      throw this.failRun(thrown);
    } finally {
      // Of its start alone.
      this.#stop.deadline = Number.POSITIVE_INFINITY;
    }
  }

  /**
   * A run of a program that stays begins. Where it has a deadline and the instance has no ticks, another takes its place, with its state, and
   * its exports are the answer.
   *
   * @throws ExtensionError `ERR_EXT_UNSUPPORTED` where it cannot.
   */
  beginRun(call: Call): GuestExports | undefined {
    const isTimed = call.hasDeadline ?? call.deadline !== Number.POSITIVE_INFINITY;
    if (!isTimed && this.#ticker === undefined) return undefined;
    const moved = this.#ticker === undefined ? this.#move(call.deadline) : undefined;
    this.#stop.serve(call);
    this.#ticker?.begin();
    return moved;
  }

  /**
   * Puts a program that stays back to what it was when it had started. Where its code changes more than can be put back it is started anew. Its exports are the answer
   * where they are others than before. Throws what a start throws.
   */
  reset(call: Call): GuestExports | undefined {
    const { image } = this.#program;
    if (image === undefined) return this.start(this.#args, call.deadline);
    if (this.#putBack(image)) return undefined;
    const exports = this.#instantiate(this.#program.ticks, call.deadline, false);
    this.#keep(exports, this.#program.ticks);
    this.#putBack(image);
    return exports;
  }

  /** A run has failed: the same, if that takes little. From now on it will. */
  recover(): boolean {
    this.#program.resets = true;
    const { image } = this.#program;
    return image !== undefined && this.#putBack(image);
  }

  /** Runs a program from its `_start` to its end, in a WebAssembly instance of which nothing is seen afterwards. Throws its failure. */
  runCommand(args: readonly string[], stdin: Uint8Array, deadline: number): void {
    this.#wasi.start(args, stdin);
    this.#env?.restore(UNTOUCHED_ENV);
    try {
      this.#program.ticks ||= deadline !== Number.POSITIVE_INFINITY;
      this.#pristine(deadline)[START]?.();
      this.endRun();
    } catch (thrown) {
      const reason = this.#stop.reason;
      if (reason instanceof GuestExit && reason.exitCode === 0) this.#renew();
      else throw this.failRun(thrown);
    } finally {
      this.#exports = {};
      this.#detachMemory();
    }
  }

  /** What it asks of the host from here on it asks for this call. */
  serve(call: Call): void {
    this.#hostCall?.serve(call);
  }

  /** Ends a run that returned. Throws the reason if a host function has stopped it and the guest caught that. */
  endRun(): void {
    if (this.#failedGrowths !== undefined && this.#failedGrowths.value !== 0) this.#failedGrowths.value = 0;
    if (!this.#hasImports) return;
    if (this.#stop.reason !== undefined) throw this.#stop.reason;
    this.#env?.arrays.endRun();
    this.#renew();
  }

  /** Ends a run that threw, and tells why in the contract's terms. */
  failRun(thrown: unknown): unknown {
    const failure = failureOf(this.#stop.reason ?? thrown, {
      stderr: this.#stderr.tail,
      memoryBytes: this.memory.bytes.length,
      couldNotGrow: this.#failedGrowths !== undefined && this.#failedGrowths.value !== 0,
      compiled: this.#compiled,
    });
    this.#renew();
    return failure;
  }

  /** One that ends with exit code 0 has done its work. */
  #runStart(start: WasmFunction | undefined): void {
    try {
      start?.();
    } catch (thrown) {
      const { reason } = this.#stop;
      if (!(reason instanceof GuestExit) || reason.exitCode !== 0) throw thrown;
      this.#stop.reset();
    }
  }

  /** Goes on in an instance that has ticks. */
  #move(deadline: number): GuestExports {
    const { builds } = this.#compiled;
    if (!builds.isMovable) throw new ExtensionError("ERR_EXT_UNSUPPORTED", NOT_MOVABLE);
    const before = this.#exports;
    const exports = this.#instantiate(true, deadline, false);
    moveState(before, exports, MEMORY);
    this.#program.ticks = true;
    if (this.#kept !== undefined) this.#keep(exports, true);
    return exports;
  }

  /** An instance in which nothing has run: the one of the runs before, as it was, where that can be. */
  #pristine(deadline: number): GuestExports {
    const { ticks: ticking, image } = this.#program;
    const kept = this.#kept;
    if (kept?.ticking === ticking && image !== undefined) {
      this.memory.attach(kept.exports[MEMORY] as unknown as WasmMemory);
      if (this.#fits(image)) {
        image.memory.writeTo(this.memory.bytes, kept.globals);
        this.#attach(kept.exports, deadline, ticking);
        this.#runStartFunction(kept.exports);
        return kept.exports;
      }
    }
    const exports = this.#instantiate(ticking, deadline, false);
    this.#kept = undefined;
    // Not worth it for a guest that runs once.
    if (++this.#runs > 1) this.#keepImage();
    this.#runStartFunction(exports);
    return exports;
  }

  /** What the guest is like now is what it is to be like again, if that can be. */
  #keepImage(): void {
    if (!this.#compiled.builds.isMovable) return;
    this.#keep(this.#exports, this.#ticker !== undefined);
    this.#program.image ??= {
      memory: MemoryImage.of(this.memory.bytes, this.#kept!.globals),
      wasi: this.#wasi.state,
      env: this.#env?.state,
    };
  }

  #keep(exports: GuestExports, ticking: boolean): void {
    this.#kept = { exports, ticking, globals: globalsIn(exports) };
  }

  /** `false` where the memory has grown by too much. */
  #putBack(image: GuestImage): boolean {
    if (this.#kept === undefined) this.#keep(this.#exports, this.#ticker !== undefined);
    if (!this.#fits(image)) return false;
    image.memory.writeTo(this.memory.bytes, this.#kept!.globals);
    this.#wasi.restore(image.wasi);
    if (image.env !== undefined) this.#env?.restore(image.env);
    return true;
  }

  #fits({ memory: { length } }: GuestImage): boolean {
    const grown = this.memory.bytes.length - length;
    if (grown < 0) this.memory.grow(-grown / PAGE_BYTES);
    return grown <= MOST_GROWTH;
  }

  /** Makes an instance, and runs its start function if it has one and is to start. */
  #instantiate(ticking: boolean, deadline: number, start = true): GuestExports {
    if (ticking) this.#checked ??= checkedImports(this.#imports, this.#stop);
    const imports = ticking ? this.#checked! : this.#imports;
    this.#failedGrowths = undefined;
    this.#stop.deadline = deadline;
    const exports = this.#link(imports, ticking).exports as GuestExports;
    this.#attach(exports, deadline, ticking);
    if (start) this.#runStartFunction(exports);
    return exports;
  }

  #attach(exports: GuestExports, deadline: number, ticking: boolean): void {
    this.#stop.deadline = deadline;
    this.#exports = exports;
    if (ticking) {
      this.#ticker ??= new Ticker((now) => this.#stop.check(now));
      this.#ticker.attach(exports);
      this.#ticker.begin();
    }
    this.#failedGrowths = exports[FAILED_GROWTHS] as unknown as WasmGlobal | undefined;
    this.#attachMemory(exports);
  }

  /** While it runs there is no memory to answer in. */
  #runStartFunction(exports: GuestExports): void {
    const start = exports[START_FUNCTION];
    if (start === undefined) return;
    this.#detachMemory();
    start();
    this.#attachMemory(exports);
  }

  #attachMemory(exports: GuestExports): void {
    this.memory.attach(exports[MEMORY] as unknown as WasmMemory);
    const allocator = new Allocator(this.memory, this.maxBytes, exports[ALLOC]);
    this.#hostCall?.attach(allocator);
    if (exports[ALLOC] !== undefined) this.#env?.arrays.attach(allocator, exports[FREE] as never);
  }

  #detachMemory(): void {
    this.memory.attach(undefined);
    this.#hostCall?.attach(undefined);
    this.#env?.arrays.attach(undefined, undefined);
  }

  /** Logs what is left of the run's output, and begins its bounds anew. */
  #renew(): void {
    this.#stdoutLines.end();
    this.#stderr.end();
    this.#log.renew();
    this.#wasi.renew();
    this.#stop.reset();
  }
}

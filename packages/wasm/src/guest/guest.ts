import type { Bounds, Call, HostCalls, LogLevel } from "extruntime/engine";
import { ALLOC, FREE, INITIALIZE, importsHostCall, MEMORY, START } from "../abi/abi.ts";
import { Allocator } from "../abi/allocator.ts";
import { EXTRUNTIME, WASI } from "../machine/host-functions.ts";
import { LinearMemory } from "../machine/memory/linear-memory.ts";
import { FAILED_GROWTHS, START_FUNCTION } from "../machine/module/grow-watch.ts";
import { PAGE_BYTES } from "../machine/module/memory-limit.ts";
import type { CompiledModule } from "../machine/module/module-cache.ts";
import { GuestExit, StopSwitch } from "../machine/stop.ts";
import { BoundedLog } from "../machine/wasi/bounded-log.ts";
import { Wasi } from "../machine/wasi/wasi.ts";
import { ErrorLog, LineLog, type OutputStream } from "../machine/wasi/wasi-streams.ts";
import type { WasmFunction, WasmGlobal, WasmImports, WasmInstance, WasmMemory } from "../machine/webassembly.ts";
import { AssemblyScriptEnv } from "./assemblyscript.ts";
import { failureOf } from "./guest-failure.ts";
import { HostCall } from "./host-call.ts";

export interface GuestOptions {
  readonly compiled: CompiledModule;
  readonly link: (imports: WasmImports) => WasmInstance;
  readonly log: (level: LogLevel, line: string) => void;
  readonly maxSleepMs: number;
  /** What the extension may call of the host. */
  readonly host: HostCalls | undefined;
  readonly bounds: Bounds;
  /** Where standard output goes; by default into the log. */
  readonly stdout?: OutputStream | undefined;
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
  readonly #link: (imports: WasmImports) => WasmInstance;
  readonly #imports: WasmImports;
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
    if (importsHostCall(shape)) {
      this.#hostCall = new HostCall(this.memory, this.#stop, options.host, options.bounds);
      this.#imports[EXTRUNTIME] = this.#hostCall.imports();
    }
  }

  /**
   * Starts a program that stays: makes a WebAssembly instance, which runs its start function if it has one, and calls
   * what it exports to be called first: `_initialize` of a reactor, or `_start`. Throws the failure of either.
   */
  start(args: readonly string[]): Readonly<Record<string, WasmFunction>> {
    this.#wasi.start(args, Buffer.alloc(0));
    try {
      const exports = this.#instantiate();
      if (exports[INITIALIZE] !== undefined) exports[INITIALIZE]();
      else this.#runStart(exports[START]);
      this.endRun();
      return exports;
    } catch (thrown) {
      throw this.failRun(thrown);
    }
  }

  /** Runs a program from its `_start` to its end, in a WebAssembly instance that nobody holds afterwards. Throws its failure. */
  runCommand(args: readonly string[], stdin: Uint8Array): void {
    this.#wasi.start(args, stdin);
    try {
      this.#instantiate()[START]?.();
      this.endRun();
    } catch (thrown) {
      const reason = this.#stop.reason;
      if (reason instanceof GuestExit && reason.exitCode === 0) this.#renew();
      else throw this.failRun(thrown);
    } finally {
      this.memory.attach(undefined);
      this.#hostCall?.attach(undefined);
      this.#env?.arrays.attach(undefined, undefined);
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

  #instantiate(): Readonly<Record<string, WasmFunction>> {
    this.#failedGrowths = undefined;
    const exports = this.#link(this.#imports).exports as Readonly<Record<string, WasmFunction>>;
    this.#failedGrowths = exports[FAILED_GROWTHS] as unknown as WasmGlobal | undefined;
    exports[START_FUNCTION]?.();
    this.memory.attach(exports[MEMORY] as unknown as WasmMemory);
    const allocator = new Allocator(this.memory, this.maxBytes, exports[ALLOC]);
    this.#hostCall?.attach(allocator);
    if (exports[ALLOC] !== undefined) this.#env?.arrays.attach(allocator, exports[FREE] as never);
    return exports;
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

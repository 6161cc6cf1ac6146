import { type Bounds, type Call, ExtensionError, type HostCalls, type LogLevel } from "extruntime/engine";
import { ALLOC, FREE, INITIALIZE, MEMORY, START } from "../abi/abi.ts";
import { Allocator } from "../abi/allocator.ts";
import { EXTRUNTIME, WASI } from "../machine/host-functions.ts";
import { LinearMemory } from "../machine/memory/linear-memory.ts";
import { FAILED_GROWTHS, START_FUNCTION } from "../machine/module/grow-watch.ts";
import { PAGE_BYTES } from "../machine/module/memory-limit.ts";
import type { CompiledModule } from "../machine/module/module-cache.ts";
import { moveState, Snapshot } from "../machine/state.ts";
import { GuestExit, StopSwitch } from "../machine/stop.ts";
import { checkedImports, Ticker } from "../machine/ticks/ticker.ts";
import { BoundedLog } from "../machine/wasi/bounded-log.ts";
import { Wasi } from "../machine/wasi/wasi.ts";
import { ErrorLog, LineLog, type OutputStream } from "../machine/wasi/wasi-streams.ts";
import type { WasmFunction, WasmGlobal, WasmImports, WasmInstance, WasmMemory } from "../machine/webassembly.ts";
import { AssemblyScriptEnv } from "./assemblyscript.ts";
import { failureOf } from "./guest-failure.ts";
import { HostCall } from "./host-call.ts";

export interface GuestOptions {
  readonly compiled: CompiledModule;
  /** Makes an instance, of the build with ticks where that is asked for. */
  readonly link: (imports: WasmImports, ticking: boolean) => WasmInstance;
  /** Whether instances of this program have ticks from their start on, as they do once one of its calls had a deadline. */
  readonly ticks: { wanted: boolean };
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

interface KeptInstance {
  readonly exports: GuestExports;
  readonly ticking: boolean;
  readonly snapshot: Snapshot;
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
  readonly #ticks: GuestOptions["ticks"];
  readonly #imports: WasmImports;
  /** The same, with a look at the clock in each. */
  #checked: WasmImports | undefined;
  /** Of an instance that has ticks. */
  #ticker: Ticker | undefined;
  #exports: GuestExports = {};
  /** Of a command: an instance that can be as it was before its run. */
  #kept: KeptInstance | undefined;
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
    this.#ticks = options.ticks;
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
    this.#wasi.start(args, Buffer.alloc(0));
    const isTimed = deadline !== Number.POSITIVE_INFINITY;
    try {
      const exports = this.#instantiate(
        this.#ticks.wanted || (isTimed && !this.#compiled.builds.startIsBrief),
        deadline,
      );
      if (exports[INITIALIZE] !== undefined) exports[INITIALIZE]();
      else this.#runStart(exports[START]);
      this.endRun();
      return exports;
    } catch (thrown) {
      throw this.failRun(thrown);
    }
  }

  /**
   * A run of a program that stays begins. Where it has a deadline and the instance has no ticks, another takes its place, with its state, and
   * its exports are the answer.
   *
   * @throws ExtensionError `ERR_EXT_UNSUPPORTED` where it cannot.
   */
  beginRun(deadline: number): GuestExports | undefined {
    if (deadline === Number.POSITIVE_INFINITY && this.#ticker === undefined) return undefined;
    const moved = this.#ticker === undefined ? this.#move(deadline) : undefined;
    this.#stop.deadline = deadline;
    this.#ticker?.begin();
    return moved;
  }

  /** Runs a program from its `_start` to its end, in a WebAssembly instance of which nothing is seen afterwards. Throws its failure. */
  runCommand(args: readonly string[], stdin: Uint8Array, deadline: number): void {
    this.#wasi.start(args, stdin);
    try {
      this.#ticks.wanted ||= deadline !== Number.POSITIVE_INFINITY;
      this.#pristine(deadline)[START]?.();
      this.endRun();
    } catch (thrown) {
      const reason = this.#stop.reason;
      if (reason instanceof GuestExit && reason.exitCode === 0) this.#renew();
      else throw this.failRun(thrown);
    } finally {
      this.#exports = {};
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

  /** Goes on in an instance that has ticks. */
  #move(deadline: number): GuestExports {
    const { builds } = this.#compiled;
    if (!builds.isMovable) throw new ExtensionError("ERR_EXT_UNSUPPORTED", NOT_MOVABLE);
    const before = this.#exports;
    const exports = this.#instantiate(true, deadline, false);
    moveState(before, exports, MEMORY);
    this.#ticks.wanted = true;
    return exports;
  }

  /** An instance in which nothing has run: the one of the runs before, as it was, where that can be. */
  #pristine(deadline: number): GuestExports {
    const ticking = this.#ticks.wanted;
    const kept = this.#kept;
    if (kept?.ticking === ticking) {
      if (kept.snapshot.restore()) {
        this.#attach(kept.exports, deadline, ticking);
        return kept.exports;
      }
      // It would grow again.
      this.#runs = Number.NEGATIVE_INFINITY;
    }
    const exports = this.#instantiate(ticking, deadline);
    const { builds } = this.#compiled;
    // Not worth it for a guest that runs once.
    const keeps = ++this.#runs > 1 && !builds.hasStart && builds.isMovable;
    this.#kept = keeps ? { exports, ticking, snapshot: new Snapshot(exports, MEMORY) } : undefined;
    return exports;
  }

  /** Makes an instance, and runs its start function if it has one; where that is left out, it must be one that has ticks. */
  #instantiate(ticking: boolean, deadline: number, start = true): GuestExports {
    if (ticking) this.#checked ??= checkedImports(this.#imports, this.#stop);
    const imports = ticking ? this.#checked! : this.#imports;
    this.#failedGrowths = undefined;
    this.#stop.deadline = deadline;
    const exports = this.#link(imports, ticking).exports as GuestExports;
    this.#attach(exports, deadline, ticking, start);
    return exports;
  }

  #attach(exports: GuestExports, deadline: number, ticking: boolean, start = false): void {
    this.#stop.deadline = deadline;
    this.#exports = exports;
    if (ticking) {
      this.#ticker ??= new Ticker((now) => this.#stop.check(now));
      this.#ticker.attach(exports);
      this.#ticker.begin();
    }
    this.#failedGrowths = exports[FAILED_GROWTHS] as unknown as WasmGlobal | undefined;
    if (start) exports[START_FUNCTION]?.();
    this.memory.attach(exports[MEMORY] as unknown as WasmMemory);
    const allocator = new Allocator(this.memory, this.maxBytes, exports[ALLOC]);
    this.#hostCall?.attach(allocator);
    if (exports[ALLOC] !== undefined) this.#env?.arrays.attach(allocator, exports[FREE] as never);
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

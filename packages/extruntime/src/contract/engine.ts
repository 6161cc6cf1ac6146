import type { BundleTarget } from "../bundle/target.ts";
import type { GuestErrorDetails } from "../errors.ts";
import type { Extension } from "../manifest/extension.ts";
import type { ManifestSection } from "../manifest/section.ts";
import type { Bounds } from "./bounds.ts";
import type { HostCalls } from "./host-functions.ts";
import type { AbortSupport, Capabilities, LogLevel } from "./runtime.ts";

/**
 * What an engine author writes. `createRuntime` turns an {@link Engine} into a `Runtime`; the core then does, once for
 * every engine: manifest checks, closed and unknown-function checks, pool and queue, deadlines, error wrapping and
 * statistics. An engine does what is particular to its VM.
 */

/** Version of this interface. An engine with another number is refused by `createRuntime`. */
export const ENGINE_VERSION = 2;

/** What an engine author writes: how extensions become programs, and what it promises. */
export interface Engine {
  /** The version of this interface that it was written for. */
  readonly engineVersion: typeof ENGINE_VERSION;
  /** The name in a manifest's `runtime`. */
  readonly name: string;
  /** Other names that a manifest may say. */
  readonly aliases: readonly string[];
  /** Of the engine inline, on the thread that calls it. */
  readonly capabilities: Capabilities;
  /** Set on an engine that only stands in for one that is not there: why, and what to do. Every load then fails with it. */
  readonly unavailable?: string | undefined;
  /** The object that its extensions may have in their manifests, in `manifest.settings` when it compiles one. Without it they have none. */
  readonly manifestSection?: ManifestSection | undefined;
  /**
   * Whether a guest's error says that an allocation was refused: where the guest's process has a limit, it counts as `ERR_EXT_MEMORY`. An error that the guest
   * made itself, in the same words, is none. Without it, no error of a guest is taken for one.
   */
  isOutOfMemory?(error: GuestErrorDetails): boolean;
  /** An instance may find what an earlier one, closed meanwhile, has left in the guest's globals. A load that wants an instance for each call is refused then. */
  readonly keepsState?: boolean | undefined;
  /** Set by an engine for JavaScript: its modules in TypeScript and its imports of packages are bundled for it, and it gets one file. */
  readonly bundle?: BundleTarget | undefined;
  /** Guests find the `config` of their manifest. An extension that has one does not load in an engine without it. */
  readonly takesConfig?: boolean | undefined;
  /**
   * It tells `log` of which call each line is, of calls too that overlap. Calls without limits then are objects of their own where somebody reads the lines;
   * without it they are all one.
   */
  readonly tellsCalls?: boolean | undefined;
  /** Instances per module where neither the manifest nor the host says: an environment variable, and the default without it. */
  readonly pool: { readonly env?: string | undefined; readonly size: number };
  /**
   * Prepares an extension for its instances. It must not run guest code.
   * Throws an ExtensionError; any other error is taken for a fault of the engine.
   */
  compile(extension: Extension, context: CompileContext): Program | Promise<Program>;
  /** How to make this engine again in a worker thread or a child process. An engine without it runs inline only. */
  readonly origin?: EngineOrigin | undefined;
  /** Called once, after all programs are closed. */
  close?(): void | Promise<void>;
}

/** An engine by its address: a worker imports `module` and calls what it exports as `export` with `options`. */
export interface EngineOrigin {
  /** URL of a built ES module. */
  readonly module: string;
  /** Name of an exported function that returns the {@link Engine}. */
  readonly export: string;
  /** Argument of that function: a JSON value. */
  readonly options?: unknown;
  /**
   * What ending its thread stops. `"hard"` where guests run on that thread in code that V8 can interrupt at any time, as
   * WebAssembly is; `"interpreted"`, the default, where a guest may be in native code, which a thread's end waits for.
   */
  readonly threadAbort?: AbortSupport | undefined;
  /** Why this one engine cannot be made again although its kind can: options that cannot be sent. With the remedy. */
  readonly refusal?: string | undefined;
  /** Why it cannot be placed in a worker thread, though it can in a process. With the remedy. */
  readonly threadRefusal?: string | undefined;
}

/** What the core hands to `compile`: the limits that the engine keeps, and what guests may reach. */
export interface CompileContext {
  /** Bytes that one instance may use, or `undefined`. Only set where `capabilities.memoryLimit` is true. */
  readonly memoryBytes: number | undefined;
  /** Instances that the module will have at a time at the most. */
  readonly maxInstances: number;
  /**
   * What guests may hand over. The core checks each result and error once more; an engine checks before it copies one out of the
   * guest's memory, so that the host never holds what it refuses. The core always sets it; without it `DEFAULT_BOUNDS` hold.
   */
  readonly bounds?: Bounds | undefined;
  /** The host functions that the extension may call; `undefined` for none. Only set where `capabilities.hostFunctions` is true. */
  readonly host?: HostCalls | undefined;
  /** A limit of time is set for its calls or its loads, by the manifest, a policy, the host or the load: worth preparing for. A call may have one all the same. */
  readonly deadlines?: boolean | undefined;
  /**
   * Every call is to start from the state after the program's top level, whatever the calls before it did and however they ended. How an engine does so is its own
   * matter: it puts the instance back, or makes what is below it anew. Only set where `capabilities.freshCalls` is true.
   */
  readonly fresh?: boolean | undefined;
  /** Values for the guests, as JSON text of an object; `undefined` where neither manifest nor host gives any. Each instance has a copy of its own, or a frozen one. Only set where the engine `takesConfig`. */
  readonly config?: string | undefined;
  /** No instance is wanted before the first call. */
  readonly lazy?: boolean | undefined;
  /**
   * Guests can end the process that they run in, as they can in one of its own where the engine is no sandbox. What they print is then to be given to `log` before
   * they go on: what the engine still holds is lost with the process.
   */
  readonly endsWithGuest?: boolean | undefined;
  /**
   * Takes a line of guest output. Never throws; long messages are cut.
   *
   * @param call the call that the line is of, as `invoke` was given it, or the load, as `instantiate` was: where the engine knows.
   */
  log(level: LogLevel, message: string, call?: Call): void;
}

/** An extension compiled once. */
export interface Program {
  /**
   * Makes an isolated copy, and runs the guest's top level. An engine that can do so at once returns it at once: only
   * then can `invokeSync` make an instance on demand. Keeps to `call.deadline` by itself.
   * Throws `ERR_EXT_UNKNOWN_FUNCTION` where the code lacks a function of `manifest.exports`, `ERR_EXT_GUEST` where the top level throws.
   */
  instantiate(call: Call): Instance | Promise<Instance>;
  /**
   * Blocking form of `instantiate`; with it `invokeSync` can create an instance.
   *
   * @param until when its caller waits no longer, on the clock of `performance.now()`: then it throws `ERR_EXT_TIMEOUT`.
   */
  instantiateSync?(call: Call, until: number): Instance;
  /** Called once, when the module begins to close: an `instantiate` that waits for room may fail at once. */
  closing?(): void;
  /** Called once, after all instances are closed. */
  close(): void | Promise<void>;
}

/** One isolated copy of a program. The core never starts a call on it while another runs, and never closes it during a call. */
export interface Instance {
  /**
   * Runs one call. `fn` is one of `manifest.exports`; `payload` is any string at all: an engine whose guests receive values
   * refuses one that is not JSON with `ERR_EXT_BAD_PAYLOAD` before the guest runs. Returns JSON text, `null` for nothing.
   * Throws (or rejects with) an ExtensionError; any other error is taken for a crash of the engine and costs the instance.
   */
  invoke(fn: string, payload: string, call: Call): string | Promise<string>;
  /** Callback form of `invoke`; saves a promise per call. Calls `answer` exactly once, never before it returns. */
  invokeLater?(fn: string, payload: string, call: Call, answer: Answer): void;
  /** For engines whose `invoke` leaves the calling thread but that can also stay on it. Without it, `invokeSync` uses `invoke`. */
  invokeSync?(fn: string, payload: string, call: Call): string;
  /**
   * In place of `invoke`, for engines whose `invoke` leaves the calling thread: the guest runs on that thread as far as it
   * does not wait for anything, and what is left then goes on as with `invoke`. Used in a process that has its thread for
   * this, for calls that are short; never where the guest may call host functions, or with a signal.
   */
  invokeHere?(fn: string, payload: string, call: Call): string | Promise<string>;
  /**
   * Asks the call that was started with `call` to stop, because its deadline passed or its signal fired. The caller has its
   * answer already; the promise of `invoke` must still settle, sooner or later, and the instance is held until it does.
   */
  abort?(call: Call): void;
  /** Read before and after each call: `true` when the instance must not serve another one. The core then closes and replaces it. */
  readonly broken?: boolean;
  /**
   * Calls that it takes while one runs, to run them after it in the order in which they came: worth it where reaching the
   * instance costs more than a call. Read before each call that finds no idle instance; left out, it is 0 for good.
   */
  readonly ahead?: number;
  /** Frees it. Called once, never during a call. */
  close(): void | Promise<void>;
}

/** Takes the one answer to a call: what the promise of `invoke` would settle with. */
export interface Answer {
  /** With JSON text. */
  succeed(result: string): void;
  /** With what the promise of `invoke` would reject with. */
  fail(error: unknown): void;
}

/** The limits of one call (or of one instantiation), for an engine that runs on the calling thread and must look for itself. */
export interface Call {
  /**
   * On the clock of `performance.now()`, in milliseconds; `Infinity` for none. An engine that stops for it throws `ERR_EXT_TIMEOUT`. Where {@link hasDeadline} is set, the call's
   * time may begin when this is first read.
   */
  readonly deadline: number;
  /**
   * Whether there is a deadline, for an engine on the calling thread that looks at the clock by itself, and often: it reads {@link deadline} when it first looks, at most a millisecond after the
   * call began, and short calls, which end before, never ask what time it is. Where it is left out, the deadline says so itself.
   */
  readonly hasDeadline?: boolean | undefined;
  /** An engine that stops for it throws `signal.reason`. */
  readonly signal: AbortSignal | undefined;
}

/**
 * What a call fails with to hand a call back that the guest has not seen, because the instance was lost
 * or is held up by others. The core puts the call in front of its queue, to be served by another instance.
 */
export const NOT_STARTED: unique symbol = Symbol.for("extruntime.notStarted");

/** A call without limits. */
export const UNLIMITED: Call = Object.freeze({ deadline: Number.POSITIVE_INFINITY, signal: undefined });

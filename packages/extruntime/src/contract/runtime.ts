import type { Config } from "../manifest/config.ts";
import type { Extension, ExtensionSource } from "../manifest/extension.ts";
import type { Limits, Manifest, Placement } from "../manifest/manifest.ts";
import type { AppliedLimits, LimitSources } from "./applied-limits.ts";
import type { ExportedFunction } from "./exported-function.ts";
import type { CallFunctions, HostFunctions } from "./host-functions.ts";
import type { InstanceBudget } from "./instance-budget.ts";
import type { ModuleStats } from "./statistics.ts";

/**
 * The contract between a host and the engines: what a host sees of any of them.
 *
 * Payloads are JSON text in a JavaScript string, in and out; engines carry them as UTF-8.
 */

/** Version of this contract. A runtime with another number is refused by the host. */
export const CONTRACT_VERSION = 2;

/**
 * What a deadline, or an abort signal, can stop: nothing; guest code that the interpreter is stepping through; or
 * anything, long native calls included.
 */
export type AbortSupport = false | "interpreted" | "hard";

/** What a runtime promises, of its engine at its placement. Each flag is a promise that the conformance kit tries to break. */
export interface Capabilities {
  /** Languages of the source that it loads, in lower case, such as `javascript`. */
  readonly languages: readonly string[];
  /** Guest code reaches nothing of the host but what it is granted: safe for strangers' code. */
  readonly hardSandbox: boolean;
  /** It needs a native addon, which must exist for the platform. */
  readonly nativeAddon: boolean;
  /** What `timeoutMs` can stop. Where it is `false`, `timeoutMs` is refused. */
  readonly deadline: AbortSupport;
  /**
   * What an `AbortSignal` can stop. Where it is `false`, a signal is refused: one cannot fire while a guest holds the thread
   * that would fire it, so an engine on the caller's thread can keep deadlines and no signals.
   */
  readonly signal: AbortSupport;
  /** A crash of the engine (not a guest's exception) leaves the host process alive. */
  readonly crashIsolation: boolean;
  /** `limits.memoryMb` is kept. */
  readonly memoryLimit: boolean;
  /** Calls that overlap run on more than one core at a time. */
  readonly parallel: boolean;
  /** `invokeSync` works. */
  readonly sync: boolean;
  /** Guests can call the host functions that they are granted. */
  readonly hostFunctions: boolean;
  /**
   * `limits.fresh: "call"` is kept: every call starts from the state after the extension's top level, and finds nothing of another call in memory, globals,
   * prototypes, tables or files.
   */
  readonly freshCalls: boolean;
}

/**
 * Where a guest's `console.log`, `print` or standard error goes. `console` fits, and so do pino and Fastify's logger, which are known and get the fields first.
 * For another one that takes its fields first there is `fieldsFirst(logger)`.
 */
export interface Logger {
  /** For `console.debug` of guests, and the like. */
  debug?(message: string, fields: LogFields): void;
  /** For `console.log`, `print`, and the like. */
  info?(message: string, fields: LogFields): void;
  /** For `console.warn`, and for what the host itself should hear of. */
  warn?(message: string, fields: LogFields): void;
  /** For `console.error`, standard error, and for faults of an engine. */
  error?(message: string, fields: LogFields): void;
}

/** Names of the methods of a {@link Logger}. */
export type LogLevel = keyof Logger;

/** Whose output a line is. */
export interface LogFields {
  /** Name of the extension. */
  readonly extension: string;
  /** Its version; `0.0.0` where the manifest has none. */
  readonly version: string;
  /** Name of the runtime that holds it. */
  readonly runtime: string;
  /**
   * The function whose call the line is of, where that is certain: always but for a guest's top level, what a guest says when its call has ended, and calls of the native engine
   * that overlap and wait, of an extension without host functions.
   */
  readonly function?: string;
  /** Number of that call, as in events and in the context of host functions. */
  readonly callId?: number;
}

/** What a host says of one load. */
export interface LoadOptions {
  /** Where the output of its guests goes; the runtime's own logger by default. */
  logger?: Logger | undefined;
  /** The host's own limits for this extension; they go before the manifest's. */
  limits?: Limits | undefined;
  /** Who set each of {@link limits}, for messages; the host that loads it by default. */
  limitSources?: LimitSources | undefined;
  /**
   * By default `load` makes the first instance, so that a syntax error or a missing function fails the load and not
   * the first call. `true` puts that off to the first call, for a host that loads thousands and uses few.
   */
  lazy?: boolean | undefined;
  /** The least isolated placement that the host wants. The most isolated of this, the manifest's and the runtime's own wins (inline < thread < process). */
  placement?: Placement | undefined;
  /**
   * `true`: no call finds what another one has left. The same as `limits.fresh: "call"` where the engine keeps that; elsewhere each call has an instance of its own,
   * which ends with it. Refused with `ERR_EXT_UNSUPPORTED` where the engine cannot do that either.
   */
  fresh?: boolean | undefined;
  /** What the host offers to its guests. Each gets those that its manifest's `permissions` name, and none else. */
  hostFunctions?: HostFunctions | undefined;
  /** Values for its guests, each in place of the one that the manifest's `config` has by that name. JSON values, 1 MiB at the most together. */
  config?: Config | undefined;
  /** Bound on live instances, shared by all modules that are given the same object. A host gives all of its modules one. */
  budget?: InstanceBudget | undefined;
}

/** What a caller says of one call. */
export interface InvokeOptions {
  /** Aborts the call: it rejects with `signal.reason`. Refused with `ERR_EXT_UNSUPPORTED` where `capabilities.signal` is `false`. */
  signal?: AbortSignal | undefined;
  /** Milliseconds until `ERR_EXT_TIMEOUT`, waiting in the queue included. Refused with `ERR_EXT_UNSUPPORTED` where `capabilities.deadline` is `false`. */
  timeoutMs?: number | undefined;
  /** Whatever the host's own functions are to know of this call: they get it as `context`, the same object. No guest sees it. */
  context?: unknown;
  /**
   * The host functions that this one call has, in place of those that its module was granted: what is left out here the guest is refused. `true` is the module's own function.
   * Only names that the manifest asks for count. Without it the call has all that its module was granted.
   */
  functions?: CallFunctions | undefined;
}

/** No signal: it could not fire while the caller's thread waits. */
export type InvokeSyncOptions = Omit<InvokeOptions, "signal">;

/** How to close. */
export interface CloseOptions {
  /** `true` aborts the calls that are running (where the engine can) instead of waiting for them. */
  abort?: boolean | undefined;
}

/** One engine as a host holds it: an engine made safe to use. */
export interface Runtime extends AsyncDisposable {
  /** Version of the contract that it keeps. */
  readonly contractVersion: typeof CONTRACT_VERSION;
  /** The name that a manifest's `runtime` says. */
  readonly name: string;
  /** Other names that a manifest may say instead. */
  readonly aliases: readonly string[];
  /** Where its instances live at the nearest; a manifest or a host's policy can ask for a farther place. */
  readonly placement: Placement;
  /** At {@link placement}. */
  readonly capabilities: Capabilities;
  /**
   * What it promises at another placement.
   *
   * @throws ExtensionError `ERR_EXT_UNSUPPORTED` where it cannot be placed there, with the reason.
   */
  capabilitiesAt(placement: Placement): Capabilities;
  /** Set on a runtime that stands in for one that cannot run here: why, and what to do. Its `load` always fails with that text. */
  readonly unavailable?: string | undefined;
  /**
   * Loads an extension from its folder, or from memory.
   *
   * @throws ExtensionError `ERR_EXT_NO_MANIFEST`, `ERR_EXT_BAD_MANIFEST`, `ERR_EXT_UNKNOWN_RUNTIME` (the manifest names
   * another runtime), `ERR_EXT_UNSUPPORTED` (a limit or a feature that the engine cannot keep), `ERR_EXT_DENIED` (a host function that is not offered),
   * `ERR_EXT_UNKNOWN_FUNCTION` (an export that the code does not define), `ERR_EXT_GUEST` (a syntax error, or its top level threw), `ERR_EXT_CLOSED`.
   */
  load(source: ExtensionSource | Extension, options?: LoadOptions): Promise<Module>;
  /** Closes every module that is still open, then the engine. May be called twice. */
  close(options?: CloseOptions): Promise<void>;
}

/** One loaded extension. Calls may overlap; no two share an instance at a time. */
export interface Module extends AsyncDisposable {
  /** The manifest's `name`. */
  readonly name: string;
  /** SemVer; `0.0.0` where the manifest has none. */
  readonly version: string;
  /** Name of the runtime that holds it. */
  readonly runtime: string;
  /** Functions that can be called, as the manifest lists them. */
  readonly exports: readonly string[];
  /**
   * The same with what the manifest tells of each: description, and the JSON Schemas of what it takes and answers, read from the extension's files where they lie there. Frozen.
   */
  describe(): readonly ExportedFunction[];
  /** Where its instances live. */
  readonly placement: Placement;
  /** What its engine promises there. Frozen. */
  readonly capabilities: Capabilities;
  /** Its manifest as it was validated, defaults filled in. Frozen. */
  readonly manifest: Manifest;
  /** The limits as they apply, whoever set them. Frozen. */
  readonly limits: AppliedLimits;
  /** From the first `close` on. */
  readonly closed: boolean;
  /**
   * Calls a function with JSON text and resolves to JSON text; a guest that returns nothing gives `null`.
   *
   * @throws ExtensionError (as a rejection) with any code of a call; `TypeError` for arguments of the wrong type.
   */
  invoke(fn: string, payload: string, options?: InvokeOptions): Promise<string>;
  /**
   * The same on the calling thread, without a promise, for runtimes whose `capabilities.sync` is true.
   *
   * @throws ExtensionError as `invoke`, `ERR_EXT_UNSUPPORTED` where the guest answers with a promise, and
   * `ERR_EXT_BUSY` at once where no instance is free, since a synchronous caller cannot wait.
   */
  invokeSync(fn: string, payload: string, options?: InvokeSyncOptions): string;
  /** `invoke` with `JSON.stringify` before and `JSON.parse` after it. `undefined` is sent as `null`. */
  call<Result = unknown>(fn: string, value?: unknown, options?: InvokeOptions): Promise<Result>;
  /** Its counters at this moment. */
  stats(): ModuleStats;
  /**
   * Refuses new calls with `ERR_EXT_CLOSED`, lets the ones that were accepted end (or aborts them), and frees the
   * instances. May be called twice; both wait for the same end.
   *
   * Where a deadline or a signal stops guests only `"interpreted"`, one that was stopped within a builtin may compute on after it.
   */
  close(options?: CloseOptions): Promise<void>;
}

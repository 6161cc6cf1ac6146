import type { AppliedLimits } from "../contract/applied-limits.ts";
import { excessBytes, payloadTooLong, surelyWithin } from "../contract/bounds.ts";
import { type Call, UNLIMITED } from "../contract/engine.ts";
import { callChannel, type ExtensionMessage, isTraced } from "../contract/events.ts";
import type { ExportedFunction } from "../contract/exported-function.ts";
import type { Capabilities, CloseOptions, InvokeOptions, InvokeSyncOptions, Module } from "../contract/runtime.ts";
import type { ModuleStats } from "../contract/statistics.ts";
import { ExtensionError } from "../errors.ts";
import type { GuestLog } from "../kit/guest-log.ts";
import type { Manifest, Placement } from "../manifest/manifest.ts";
import { tracePromise, traceSync } from "./call-events.ts";
import { takeCallId } from "./call-id.ts";
import { callIdOf, endScope, failScope } from "./call-scope.ts";
import { CallStatistics, countsOf } from "./call-statistics.ts";
import type { Start } from "./call-times.ts";
import { callLimits, type LimitedCall, UnreadDeadline } from "./limits.ts";
import { ModuleCalls } from "./module-calls.ts";
import { ModuleErrors } from "./module-errors.ts";
import type { ModuleSetup } from "./module-setup.ts";
import { InstancePool } from "./pool/instance-pool.ts";
import type { Slot } from "./pool/slot.ts";
import { noSync, notNow, notText, unknownFunction } from "./refusals.ts";
import { parseResult } from "./result.ts";

/** No text has fewer. */
const NEVER_SHORT = -1;
/** UTF-16 units of a text that is looked at and copied in some microseconds. */
const BRIEF_LENGTH = 16_384;

/**
 * A loaded extension. The way of a call: checks here, an instance from the pool, the engine's `invoke`. A call that ends
 * at once touches nothing else; any other goes on among the {@link ModuleCalls}, as a `PendingCall`.
 */
export class LoadedModule implements Module {
  readonly name: string;
  readonly version: string;
  readonly runtime: string;
  readonly placement: Placement;
  readonly capabilities: Capabilities;
  readonly manifest: Manifest;
  readonly limits: AppliedLimits;
  readonly exports: readonly string[];
  readonly #exports: ReadonlySet<string>;
  /** Of these, the one that was called last: mostly it is called again. */
  #lastFunction: string | undefined;
  readonly #setup: ModuleSetup;
  readonly #pool: InstancePool;
  /** Applies to calls that name none of their own. */
  readonly #timeoutMs: number | undefined;
  /** A call without options has neither limits nor host functions, and no name. */
  readonly #plain: boolean;
  /** UTF-16 units of a payload and of a result that need no look at all: within their bounds whatever they say, where no schema asks what they say. */
  readonly #shortPayload: number;
  /** Of one that takes no time to look at and to copy. */
  readonly #briefPayload: number;
  readonly #shortResult: number;
  readonly #output: GuestLog;
  readonly #statistics = new CallStatistics();
  readonly #errors: ModuleErrors;
  readonly #calls: ModuleCalls;
  #closing: Promise<void> | undefined;

  constructor(setup: ModuleSetup) {
    const { manifest } = setup;
    this.name = manifest.name;
    this.version = manifest.version;
    this.runtime = setup.runtime;
    this.placement = setup.placement;
    this.capabilities = setup.capabilities;
    this.manifest = manifest;
    this.limits = setup.limits;
    this.exports = manifest.exports;
    this.#exports = new Set(manifest.exports);
    this.#setup = setup;
    this.#timeoutMs = setup.limits.timeoutMs;
    this.#plain = setup.limits.timeoutMs === undefined && setup.host === undefined && !setup.named;
    this.#shortPayload = setup.schemas === undefined ? surelyWithin(setup.bounds.payloadBytes) : NEVER_SHORT;
    this.#briefPayload = Math.min(this.#shortPayload, BRIEF_LENGTH);
    this.#output = setup.output;
    this.#shortResult = setup.schemas === undefined ? surelyWithin(setup.bounds.resultBytes) : NEVER_SHORT;
    this.#pool = new InstancePool(setup.program, setup.pool);
    this.#errors = new ModuleErrors(setup);
    this.#calls = new ModuleCalls(setup, this.#pool, this.#statistics, this.#errors);
    countsOf.set(this, this.#statistics);
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  invoke(fn: string, payload: string, options?: InvokeOptions): Promise<string> {
    return isTraced(callChannel) ? this.#invokeTraced(fn, payload, options) : this.#invoke(fn, payload, options);
  }

  #invoke(fn: string, payload: string, options: InvokeOptions | undefined): Promise<string> {
    let call: Call;
    let slot: Slot | undefined;
    let result: string | Promise<string>;
    const calls = this.#calls;
    const outer = calls.inside;
    const outerId = calls.insideId;
    const start = this.#statistics.begin();
    try {
      call = this.#admit(fn, payload, options);
    } catch (error) {
      return Promise.reject(error);
    }
    try {
      slot = this.#pool.take();
      if (slot === undefined) return calls.enqueue(fn, payload, call, start);
      if (slot.instance.invokeLater !== undefined) return calls.startLater(fn, payload, call, slot, start);
      this.#output.renew(++calls.running);
      calls.inside = fn;
      calls.insideId = call === UNLIMITED ? takeCallId() : callIdOf(call);
      result = slot.instance.invoke(fn, payload, call);
      if (typeof result === "string") {
        calls.release(slot);
        slot = undefined;
        if (result.length > this.#shortResult || (call !== UNLIMITED && !isBrief(call, result)))
          this.#checkEnd(fn, result, call);
      }
    } catch (error) {
      // By assignments alone, in both places: a function to share might not be callable here. See ModuleCalls#takeBack.
      if (slot !== undefined) {
        slot.thrown = error;
        slot.nextThrown = calls.thrown;
        calls.thrown = slot;
      }
      const id = calls.insideId;
      calls.inside = outer;
      calls.insideId = outerId;
      return Promise.reject(calls.failAtOnce(error, fn, payload, call, start, id === outerId ? 0 : id));
    }
    const id = calls.insideId;
    calls.inside = outer;
    calls.insideId = outerId;
    if (typeof result !== "string") return calls.follow(fn, payload, call, slot!, start, result, id);
    this.#statistics.done(payload, result, start);
    return Promise.resolve(result);
  }

  invokeSync(fn: string, payload: string, options?: InvokeSyncOptions): string {
    return isTraced(callChannel)
      ? this.#invokeSyncTraced(fn, payload, options)
      : this.#invokeSync(fn, payload, options);
  }

  #invokeSync(fn: string, payload: string, options: InvokeSyncOptions | undefined): string {
    const calls = this.#calls;
    const outer = calls.inside;
    const outerId = calls.insideId;
    const start = this.#statistics.begin();
    const call = this.#admit(fn, payload, options);
    let slot: Slot | undefined;
    let result: string | Promise<string>;
    try {
      slot = this.#takeNow(fn, call);
      this.#output.renew(++calls.running);
      const { instance } = slot;
      calls.inside = fn;
      calls.insideId = call === UNLIMITED ? takeCallId() : callIdOf(call);
      result =
        instance.invokeSync === undefined ? instance.invoke(fn, payload, call) : instance.invokeSync(fn, payload, call);
      if (typeof result === "string") {
        calls.release(slot);
        slot = undefined;
        if (result.length > this.#shortResult || (call !== UNLIMITED && !isBrief(call, result)))
          this.#checkEnd(fn, result, call);
      }
    } catch (error) {
      // By assignments alone, in both places: a function to share might not be callable here. See ModuleCalls#takeBack.
      if (slot !== undefined) {
        slot.thrown = error;
        slot.nextThrown = calls.thrown;
        calls.thrown = slot;
      }
      const id = calls.insideId;
      calls.inside = outer;
      calls.insideId = outerId;
      throw calls.failAtOnce(error, fn, payload, call, start, id === outerId ? 0 : id);
    }
    const id = calls.insideId;
    calls.inside = outer;
    calls.insideId = outerId;
    if (typeof result !== "string") throw this.#refusePromise(fn, payload, call, slot!, start, result, id);
    this.#statistics.done(payload, result, start);
    return result;
  }

  #invokeTraced(fn: string, payload: string, options: InvokeOptions | undefined): Promise<string> {
    return tracePromise(this.#calls.message, fn, payload, () => this.#invoke(fn, payload, options));
  }

  #invokeSyncTraced(fn: string, payload: string, options: InvokeSyncOptions | undefined): string {
    return traceSync(this.#calls.message, fn, payload, () => this.#invokeSync(fn, payload, options));
  }

  async call<Result = unknown>(fn: string, value?: unknown, options?: InvokeOptions): Promise<Result> {
    const payload = value === undefined ? "null" : JSON.stringify(value);
    if (payload === undefined) throw new TypeError(`${this.name}.${fn}: a ${typeof value} cannot be sent as JSON`);
    const timeoutMs = options?.timeoutMs ?? this.#timeoutMs;
    const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
    const result = await this.invoke(fn, payload, options);
    try {
      const value = parseResult(result, this.#setup.bounds);
      if (timeoutMs !== undefined && performance.now() > deadline)
        throw new ExtensionError("ERR_EXT_TIMEOUT", "the call's time was up while its result was read");
      return value as Result;
    } catch (error) {
      this.#statistics.failed(error);
      const call: LimitedCall = { deadline, signal: undefined, ownTimeoutMs: options?.timeoutMs };
      throw this.#errors.located(error as ExtensionError, fn, call);
    }
  }

  describe(): readonly ExportedFunction[] {
    // Without schemas there is none to be read from a file.
    return this.#setup.schemas?.functions ?? (this.manifest.functions as readonly ExportedFunction[]);
  }

  stats(): ModuleStats {
    const { instances, busy, created, replaced } = this.#pool;
    return this.#statistics.with({
      running: this.#calls.running - this.#pool.sentAhead,
      queued: this.#pool.queued - this.#calls.goneAhead,
      instances,
      busy,
      instancesCreated: created,
      instancesReplaced: replaced,
    });
  }

  /** Has an instance made if there is none, and rejects with what its top level throws. */
  async warm(): Promise<void> {
    try {
      await this.#pool.warm();
    } catch (error) {
      throw this.#errors.explain(error, undefined, undefined, UNLIMITED);
    }
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#calls.takeBack();
    this.#closing ??= this.#close();
    if (options.abort !== true) return this.#closing;
    this.#calls.abort();
    // A guest that cannot be stopped is left to end by itself, and its instance is closed then.
    const abandoned = this.#setup.capabilities.deadline === false && this.#calls.running > 0;
    return abandoned ? Promise.resolve() : this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * The call that a line of output is of, where that is certain.
   *
   * @param call what the engine says of it.
   */
  callOfLine(call: LimitedCall | undefined): { function: string; callId: number } | undefined {
    return this.#calls.ofLine(call);
  }

  /** Of messages about it. */
  get message(): ExtensionMessage {
    return this.#calls.message;
  }

  #checkEnd(fn: string, result: string, call: Call): void {
    endScope(call);
    this.#calls.checkResult(fn, result, call);
  }

  /** The checks that every call passes before it counts. Returns its limits; throws what the caller is to see. */
  #admit(fn: string, payload: string, options: InvokeOptions | undefined): Call {
    // What refuses is elsewhere: V8 puts only short functions into the ones that call them.
    if (typeof fn !== "string" || typeof payload !== "string") throw notText(fn, payload);
    if (payload.length > this.#shortPayload) this.#checkPayload(fn, payload);
    if (this.#closing !== undefined) throw this.#errors.closed(fn);
    if (this.#calls.thrown !== undefined) this.#calls.takeBack();
    if (fn !== this.#lastFunction) this.#checkFunction(fn);
    if (options === undefined && this.#plain) return UNLIMITED;
    return callLimits(this.#setup, fn, options, payload.length <= this.#briefPayload && this.#pool.hasIdle);
  }

  #checkFunction(fn: string): void {
    if (!this.#exports.has(fn)) throw this.#errors.located(unknownFunction(this.exports), fn);
    this.#lastFunction = fn;
  }

  #checkPayload(fn: string, payload: string): void {
    const { bounds, schemas } = this.#setup;
    const excess = excessBytes(payload, bounds.payloadBytes);
    if (excess !== undefined) throw this.#errors.located(payloadTooLong(excess, bounds), fn);
    if (this.#closing !== undefined) return;
    try {
      schemas?.checkInput(fn, payload);
    } catch (error) {
      throw this.#errors.located(error as ExtensionError, fn);
    }
  }

  #takeNow(fn: string, call: Call): Slot {
    const { runtime, capabilities } = this.#setup;
    if (!capabilities.sync) throw this.#errors.located(noSync(runtime), fn);
    const slot = this.#pool.takeNow(call);
    if (slot !== undefined) return slot;
    throw this.#errors.located(notNow(this.#pool.creating), fn);
  }

  /** The guest answered a synchronous call with a promise: its instance is held until that settles. */
  #refusePromise(
    fn: string,
    payload: string,
    call: Call,
    slot: Slot,
    start: Start,
    result: Promise<string>,
    id: number,
  ): ExtensionError {
    this.#calls.follow(fn, payload, call, slot, start, result, id).catch(() => {});
    const error = this.#errors.located(
      new ExtensionError("ERR_EXT_UNSUPPORTED", "the function is asynchronous; use invoke"),
      fn,
    );
    failScope(call, error);
    return error;
  }

  async #close(): Promise<void> {
    if (!this.#calls.idle) await this.#calls.untilIdle();
    await this.#pool.close();
    try {
      await this.#setup.program.close();
    } finally {
      this.#setup.host?.close();
      this.#setup.onClosed();
    }
  }
}

/** Whether a call that has ended was so short that nobody has asked what time it is: its deadline has not passed. */
function isBrief(call: Call, result: string): boolean {
  return call instanceof UnreadDeadline && call.isUnread && result.length <= BRIEF_LENGTH;
}

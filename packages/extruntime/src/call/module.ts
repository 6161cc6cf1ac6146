import type { AppliedLimits } from "../contract/applied-limits.ts";
import { boundError, excessBytes, payloadTooLong, resultTooLong, surelyWithin } from "../contract/bounds.ts";
import { type Call, UNLIMITED } from "../contract/engine.ts";
import { type CallMessage, callChannel, type ExtensionMessage, isTraced } from "../contract/events.ts";
import type { Capabilities, CloseOptions, InvokeOptions, InvokeSyncOptions, Module } from "../contract/runtime.ts";
import type { ModuleStats } from "../contract/statistics.ts";
import { ExtensionError, locate } from "../errors.ts";
import type { GuestLog } from "../kit/guest-log.ts";
import { needStack } from "../kit/stack-headroom.ts";
import type { Manifest, Placement } from "../manifest/manifest.ts";
import { tellEnd, tellsEnds } from "./call-events.ts";
import { giveCallId, nextCallId, takeCallId } from "./call-id.ts";
import { CallList } from "./call-list.ts";
import { callIdOf, endScope, failScope } from "./call-scope.ts";
import { CallStatistics, countsOf } from "./call-statistics.ts";
import type { Start } from "./call-times.ts";
import { InstancePool, type Slot } from "./instance-pool.ts";
import { tellLimit } from "./limit-told.ts";
import { callLimits, type LimitedCall } from "./limits.ts";
import type { ModuleSetup } from "./module-setup.ts";
import { type CallOwner, PendingCall } from "./pending-call.ts";
import { crashOf, isCrash, noSync, notNow, notText, queueFull, unknownFunction } from "./refusals.ts";
import { parseResult } from "./result.ts";

/** Frames of the host's stack that giving an instance back may take, its engine's `close` included. */
const STACK_TO_GIVE_BACK = 100;

/**
 * A loaded extension. The way of a call: checks here, an instance from the pool, the engine's `invoke`. A call that ends
 * at once touches nothing else; any other goes on as a {@link PendingCall}.
 */
export class LoadedModule implements Module, CallOwner {
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
  /** A call without options has neither limits nor host functions. */
  readonly #plain: boolean;
  /** UTF-16 units of a payload and of a result that are within their bounds whatever they say. */
  readonly #shortPayload: number;
  readonly #shortResult: number;
  readonly #output: GuestLog;
  /** Calls that wait, or whose instance is still held. */
  readonly #pending = new CallList<PendingCall>();
  /** Slots of calls that threw and are not given back yet, last first. */
  #thrown: Slot | undefined;
  /** Calls that hold a slot. */
  #running = 0;
  /** Of these, those whose callers have an answer. */
  #abandoned = 0;
  readonly #statistics = new CallStatistics();
  /** The function whose guest holds this thread, and the number of its call. */
  #inside: string | undefined;
  #insideId = 0;
  /** Of the calls that do not end at once, the one that started last. */
  #latest: PendingCall | undefined;
  #closing: Promise<void> | undefined;
  /** It closes, and its calls are to be aborted. */
  #aborting = false;
  #onIdle: (() => void) | undefined;

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
    this.#plain = setup.limits.timeoutMs === undefined && setup.host === undefined;
    this.#shortPayload = surelyWithin(setup.bounds.payloadBytes);
    this.#output = setup.output;
    this.#shortResult = surelyWithin(setup.bounds.resultBytes);
    this.#pool = new InstancePool(setup.program, setup.pool);
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
    const outer = this.#inside;
    const outerId = this.#insideId;
    const start = this.#statistics.begin();
    try {
      call = this.#admit(fn, payload, options);
    } catch (error) {
      return Promise.reject(error);
    }
    try {
      slot = this.#pool.take();
      if (slot === undefined) return this.#enqueue(fn, payload, call, start);
      if (slot.instance.invokeLater !== undefined) return this.#startLater(fn, payload, call, slot, start);
      this.#output.renew(++this.#running);
      this.#inside = fn;
      this.#insideId = call === UNLIMITED ? takeCallId() : callIdOf(call);
      result = slot.instance.invoke(fn, payload, call);
      if (typeof result === "string") {
        this.#release(slot);
        slot = undefined;
        if (result.length > this.#shortResult || call !== UNLIMITED) this.#checkEnd(result, call);
      }
    } catch (error) {
      // By assignments alone, in both places: a function to share might not be callable here. See #takeBack.
      if (slot !== undefined) {
        slot.thrown = error;
        slot.nextThrown = this.#thrown;
        this.#thrown = slot;
      }
      const id = this.#insideId;
      this.#inside = outer;
      this.#insideId = outerId;
      return Promise.reject(this.#failAtOnce(error, fn, payload, call, start, id === outerId ? 0 : id));
    }
    const id = this.#insideId;
    this.#inside = outer;
    this.#insideId = outerId;
    if (typeof result !== "string") return this.#follow(fn, payload, call, slot!, start, result, id).promise;
    this.#statistics.done(payload, result, start);
    return Promise.resolve(result);
  }

  invokeSync(fn: string, payload: string, options?: InvokeSyncOptions): string {
    return isTraced(callChannel)
      ? this.#invokeSyncTraced(fn, payload, options)
      : this.#invokeSync(fn, payload, options);
  }

  #invokeSync(fn: string, payload: string, options: InvokeSyncOptions | undefined): string {
    const outer = this.#inside;
    const outerId = this.#insideId;
    const start = this.#statistics.begin();
    const call = this.#admit(fn, payload, options);
    let slot: Slot | undefined;
    let result: string | Promise<string>;
    try {
      slot = this.#takeNow(fn, call);
      this.#output.renew(++this.#running);
      const { instance } = slot;
      this.#inside = fn;
      this.#insideId = call === UNLIMITED ? takeCallId() : callIdOf(call);
      result =
        instance.invokeSync === undefined ? instance.invoke(fn, payload, call) : instance.invokeSync(fn, payload, call);
      if (typeof result === "string") {
        this.#release(slot);
        slot = undefined;
        if (result.length > this.#shortResult || call !== UNLIMITED) this.#checkEnd(result, call);
      }
    } catch (error) {
      // By assignments alone, in both places: a function to share might not be callable here. See #takeBack.
      if (slot !== undefined) {
        slot.thrown = error;
        slot.nextThrown = this.#thrown;
        this.#thrown = slot;
      }
      const id = this.#insideId;
      this.#inside = outer;
      this.#insideId = outerId;
      throw this.#failAtOnce(error, fn, payload, call, start, id === outerId ? 0 : id);
    }
    const id = this.#insideId;
    this.#inside = outer;
    this.#insideId = outerId;
    if (typeof result !== "string") throw this.#refusePromise(fn, payload, call, slot!, start, result, id);
    this.#statistics.done(payload, result, start);
    return result;
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
      this.failed(error);
      const call: LimitedCall = { deadline, signal: undefined, ownTimeoutMs: options?.timeoutMs };
      throw this.#located(error as ExtensionError, fn, call);
    }
  }

  stats(): ModuleStats {
    const { instances, busy, created, replaced } = this.#pool;
    return this.#statistics.with({
      running: this.#running - this.#pool.sentAhead,
      queued: this.#pool.queued - this.#goneAhead,
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
      throw this.explain(error, undefined, undefined, UNLIMITED);
    }
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#takeBack();
    this.#closing ??= this.#close();
    if (options.abort !== true) return this.#closing;
    this.#aborting = true;
    // All callers are told before the first call is stopped: see `PendingCall#stop`.
    const calls = this.#pending.copy().filter((call) => call.giveUp(this.#abortedError(call.fn)));
    for (const call of calls) call.stop();
    // A guest that cannot be stopped is left to end by itself, and its instance is closed then.
    const abandoned = this.#setup.capabilities.deadline === false && this.#running > 0;
    return abandoned ? Promise.resolve() : this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Calls that were sent ahead and are yet to be taken back, and that nobody waits for any more. */
  get #goneAhead(): number {
    return Math.max(0, this.#pool.sentAhead - (this.#running - this.#abandoned));
  }

  started(call: PendingCall): void {
    this.#latest = call;
    this.#output.renew(++this.#running);
  }

  enter(fn: string, id: number): () => void {
    const outer = this.#inside;
    const outerId = this.#insideId;
    this.#inside = fn;
    this.#insideId = id;
    return () => {
      this.#inside = outer;
      this.#insideId = outerId;
    };
  }

  abandoned(): void {
    this.#abandoned++;
  }

  ended(call: PendingCall, slot: Slot): void {
    if (call.wasAbandoned) this.#abandoned--;
    this.#pending.delete(call);
    this.#release(slot);
  }

  handedBack(call: PendingCall, slot: Slot): void {
    this.#pool.waitAgain(call);
    this.#release(slot);
  }

  left(call: PendingCall): void {
    this.#pending.delete(call);
    this.#pool.leave(call);
    this.#noticeIdle();
  }

  waited(start: Start): void {
    this.#statistics.waits.end(start);
  }

  answered(result: string | undefined, start: Start): void {
    this.#statistics.answered(result, start);
  }

  failed(error: unknown): void {
    this.#statistics.failed(error);
  }

  checkResult(result: string, { deadline }: Call): void {
    const { bounds } = this.#setup;
    const excess = result.length > this.#shortResult ? excessBytes(result, bounds.resultBytes) : undefined;
    if (excess !== undefined) throw resultTooLong(excess, bounds);
    // Of a call that kept this thread: its timer had no turn.
    if (deadline !== Number.POSITIVE_INFINITY && performance.now() > deadline)
      throw new ExtensionError("ERR_EXT_TIMEOUT", "the call's time was up before its result was there");
  }

  #checkEnd(result: string, call: Call): void {
    endScope(call);
    this.checkResult(result, call);
  }

  explain(error: unknown, fn: string | undefined, slot: Slot | undefined, call: Call): unknown {
    if (ExtensionError.is(error)) return this.#located(boundError(error, this.#setup.bounds.errorChars), fn, call);
    if (!isCrash(error, call)) return error;
    if (slot !== undefined) slot.broken = true;
    return locate(crashOf(this.runtime, error), this.name, fn);
  }

  /** The checks that every call passes before it counts. Returns its limits; throws what the caller is to see. */
  #admit(fn: string, payload: string, options: InvokeOptions | undefined): Call {
    // What refuses is elsewhere: V8 puts only short functions into the ones that call them.
    if (typeof fn !== "string" || typeof payload !== "string") throw notText(fn, payload);
    if (payload.length > this.#shortPayload) this.#checkPayload(fn, payload);
    if (this.#closing !== undefined) throw this.#closedError(fn, "is closed");
    if (this.#thrown !== undefined) this.#takeBack();
    if (fn !== this.#lastFunction) this.#checkFunction(fn);
    if (options === undefined && this.#plain) return UNLIMITED;
    return callLimits(this.#setup, fn, options);
  }

  #checkFunction(fn: string): void {
    if (!this.#exports.has(fn)) throw this.#located(unknownFunction(this.exports), fn);
    this.#lastFunction = fn;
  }

  #checkPayload(fn: string, payload: string): void {
    const { bounds } = this.#setup;
    const excess = excessBytes(payload, bounds.payloadBytes);
    if (excess !== undefined) throw this.#located(payloadTooLong(excess, bounds), fn);
  }

  /** The call that a line of output is of, where that is certain. */
  callOfLine(): { function: string; callId: number } | undefined {
    if (this.#inside !== undefined) {
      return { function: this.#inside, callId: this.#insideId };
    }
    const latest = this.#latest;
    return this.#running === 1 && latest?.runs === true ? { function: latest.fn, callId: latest.id } : undefined;
  }

  get message(): ExtensionMessage {
    const { name, version, runtime, placement } = this;
    return { extension: name, version, runtime, placement };
  }

  #invokeTraced(fn: string, payload: string, options: InvokeOptions | undefined): Promise<string> {
    const message = this.#callMessage(fn, payload);
    return callChannel.tracePromise(() => {
      giveCallId(message.callId);
      try {
        return this.#invoke(fn, payload, options);
      } finally {
        takeCallId();
      }
    }, message);
  }

  #invokeSyncTraced(fn: string, payload: string, options: InvokeSyncOptions | undefined): string {
    const message = this.#callMessage(fn, payload);
    return callChannel.traceSync(() => {
      giveCallId(message.callId);
      try {
        return this.#invokeSync(fn, payload, options);
      } finally {
        takeCallId();
      }
    }, message);
  }

  #callMessage(fn: string, payload: string): CallMessage {
    return { ...this.message, callId: nextCallId(), function: fn, payload };
  }

  #enqueue(fn: string, payload: string, limits: Call, start: Start): Promise<string> {
    const call = new PendingCall(this, fn, payload, limits, callIdOf(limits), start, true);
    this.#pending.add(call);
    if (this.#pool.wait(call, this.#goneAhead)) {
      this.#statistics.accepted(payload, start);
    } else {
      this.#statistics.refused();
      call.withdraw(this.#located(queueFull(this.#setup.pool.queue), fn));
    }
    return call.promise;
  }

  #startLater(fn: string, payload: string, limits: Call, slot: Slot, start: Start): Promise<string> {
    const call = new PendingCall(this, fn, payload, limits, callIdOf(limits), start);
    this.#pending.add(call);
    this.#statistics.accepted(payload, start);
    call.serve(slot);
    return call.promise;
  }

  #follow(
    fn: string,
    payload: string,
    limits: Call,
    slot: Slot,
    start: Start,
    result: Promise<string>,
    id: number,
  ): PendingCall {
    this.#statistics.accepted(payload, start);
    const call = new PendingCall(this, fn, payload, limits, id, start);
    this.#pending.add(call);
    this.#latest = call;
    call.follow(slot, result);
    // A host function that the guest called on this thread may have closed the module.
    if (this.#aborting) this.#cancel(call);
    return call;
  }

  #cancel(call: PendingCall): void {
    call.cancel(this.#abortedError(call.fn));
  }

  #abortedError(fn: string): ExtensionError {
    return this.#closedError(fn, "was closed and its calls were aborted");
  }

  #failAtOnce(error: unknown, fn: string, payload: string, call: Call, start: Start, id: number): unknown {
    this.#takeBack();
    const explained = this.explain(error, fn, undefined, call);
    this.#statistics.accepted(payload, start);
    this.#statistics.answered(undefined, start);
    this.failed(explained);
    endScope(call);
    failScope(call, explained);
    if (tellsEnds()) tellEnd(this.message, id === 0 ? callIdOf(call) : id, fn, explained);
    return explained;
  }

  /**
   * Gives back the slots of calls that threw. Where a call was made near the end of the host's own stack, the call of
   * this very function may throw: so the slots are noted by assignments, which cannot, and a later call finds them.
   */
  #takeBack(): void {
    while (this.#thrown !== undefined) {
      needStack(STACK_TO_GIVE_BACK);
      const slot = this.#thrown;
      this.#thrown = slot.nextThrown;
      slot.broken ||= !ExtensionError.is(slot.thrown);
      slot.thrown = undefined;
      slot.nextThrown = undefined;
      if (slot.load > 0) this.#release(slot);
    }
  }

  #takeNow(fn: string, { deadline }: Call): Slot {
    const { runtime, capabilities } = this.#setup;
    if (!capabilities.sync) throw this.#located(noSync(runtime), fn);
    const slot = this.#pool.takeNow(deadline);
    if (slot !== undefined) return slot;
    throw this.#located(notNow(this.#pool.creating), fn);
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
    this.#follow(fn, payload, call, slot, start, result, id).promise.catch(() => {});
    const error = this.#located(
      new ExtensionError("ERR_EXT_UNSUPPORTED", "the function is asynchronous; use invoke"),
      fn,
    );
    failScope(call, error);
    return error;
  }

  #release(slot: Slot): void {
    this.#pool.give(slot);
    this.#running--;
    if (this.#closing !== undefined) this.#noticeIdle();
  }

  #noticeIdle(): void {
    if (this.#running === 0 && this.#pending.length === 0) this.#onIdle?.();
  }

  async #close(): Promise<void> {
    if (this.#running > 0 || this.#pending.length > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.#pool.close();
    try {
      await this.#setup.program.close();
    } finally {
      this.#setup.host?.close();
      this.#setup.onClosed();
    }
  }

  #closedError(fn: string, how: string): ExtensionError {
    return this.#located(new ExtensionError("ERR_EXT_CLOSED", `the module ${how}`), fn);
  }

  /** @param call set for what its limits may have ended. */
  #located(error: ExtensionError, fn: string | undefined, call?: Call): ExtensionError {
    tellLimit(error, this.#setup, call);
    return locate(error, this.name, fn);
  }
}

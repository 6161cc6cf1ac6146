import { excessBytes, resultTooLong, surelyWithin } from "../contract/bounds.ts";
import { type Call, UNLIMITED } from "../contract/engine.ts";
import type { ExtensionMessage } from "../contract/events.ts";
import { ExtensionError } from "../errors.ts";
import type { GuestLog } from "../kit/guest-log.ts";
import { needStack } from "../kit/stack-headroom.ts";
import { tellEnd, tellsEnds } from "./call-events.ts";
import { CallList } from "./call-list.ts";
import { callIdOf, endScope, failScope } from "./call-scope.ts";
import type { CallStatistics } from "./call-statistics.ts";
import type { Start } from "./call-times.ts";
import type { LimitedCall } from "./limits.ts";
import type { ModuleErrors } from "./module-errors.ts";
import type { ModuleSetup } from "./module-setup.ts";
import { type CallOwner, PendingCall } from "./pending-call.ts";
import type { InstancePool } from "./pool/instance-pool.ts";
import type { Slot } from "./pool/slot.ts";
import { queueFull } from "./refusals.ts";

/** Frames of the host's stack that giving an instance back may take, its engine's `close` included. */
const STACK_TO_GIVE_BACK = 100;

/** The calls of a module that hold an instance or wait for one. */
export class ModuleCalls implements CallOwner {
  /** Calls that hold a slot. */
  running = 0;
  /** The function whose guest holds this thread, and the number of its call. */
  inside: string | undefined;
  insideId = 0;
  /** Slots of calls that threw and are not given back yet, last first. */
  thrown: Slot | undefined;
  readonly #setup: ModuleSetup;
  readonly #pool: InstancePool;
  readonly #statistics: CallStatistics;
  readonly #errors: ModuleErrors;
  readonly #output: GuestLog;
  /** UTF-16 units of a result that is within its bound whatever it says. */
  readonly #shortResult: number;
  /** Calls that wait, or whose instance is still held. */
  readonly #pending = new CallList<PendingCall>();
  /** Of those that run, those whose callers have an answer. */
  #abandoned = 0;
  /** Of the calls that do not end at once, the one that started last. */
  #latest: PendingCall | undefined;
  /** The module closes, and its calls are to be aborted. */
  #aborting = false;
  #onIdle: (() => void) | undefined;

  constructor(setup: ModuleSetup, pool: InstancePool, statistics: CallStatistics, errors: ModuleErrors) {
    this.#setup = setup;
    this.#pool = pool;
    this.#statistics = statistics;
    this.#errors = errors;
    this.#output = setup.output;
    this.#shortResult = surelyWithin(setup.bounds.resultBytes);
  }

  get message(): ExtensionMessage {
    const { manifest, runtime, placement } = this.#setup;
    return { extension: manifest.name, version: manifest.version, runtime, placement };
  }

  /** Calls that were sent ahead and are yet to be taken back, and that nobody waits for any more. */
  get goneAhead(): number {
    return Math.max(0, this.#pool.sentAhead - (this.running - this.#abandoned));
  }

  /** The call that a line of output is of, where that is certain. */
  ofLine(call: LimitedCall | undefined): { function: string; callId: number } | undefined {
    if (call?.id !== undefined && call.fn !== undefined) return { function: call.fn, callId: call.id };
    if (this.#setup.named || (call !== undefined && call !== UNLIMITED)) return undefined;
    if (this.inside !== undefined) return { function: this.inside, callId: this.insideId };
    const latest = this.#latest;
    return this.running === 1 && latest?.runs === true ? { function: latest.fn, callId: latest.id } : undefined;
  }

  /** A call that found no instance. */
  enqueue(fn: string, payload: string, limits: Call, start: Start): Promise<string> {
    const call = new PendingCall(this, fn, payload, limits, callIdOf(limits), start, true);
    this.#pending.add(call);
    if (this.#pool.wait(call, this.goneAhead)) {
      this.#statistics.accepted(payload, start);
    } else {
      this.#statistics.refused();
      call.withdraw(this.#errors.located(queueFull(this.#setup.pool.queue), fn));
    }
    return call.promise;
  }

  /** A call whose engine answers through it. */
  startLater(fn: string, payload: string, limits: Call, slot: Slot, start: Start): Promise<string> {
    const call = new PendingCall(this, fn, payload, limits, callIdOf(limits), start);
    this.#pending.add(call);
    this.#statistics.accepted(payload, start);
    call.serve(slot);
    return call.promise;
  }

  /** A call that its engine has started and answers later. */
  follow(
    fn: string,
    payload: string,
    limits: Call,
    slot: Slot,
    start: Start,
    result: Promise<string>,
    id: number,
  ): Promise<string> {
    this.#statistics.accepted(payload, start);
    const call = new PendingCall(this, fn, payload, limits, id, start);
    this.#pending.add(call);
    this.#latest = call;
    call.follow(slot, result);
    // A host function that the guest called on this thread may have closed the module.
    if (this.#aborting) call.cancel(this.#errors.aborted(fn));
    return call.promise;
  }

  /**
   * A call that threw at once. Returns what its caller is to see.
   *
   * @param id its number, or 0 where it has none yet.
   */
  failAtOnce(error: unknown, fn: string, payload: string, call: Call, start: Start, id: number): unknown {
    this.takeBack();
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
  takeBack(): void {
    while (this.thrown !== undefined) {
      needStack(STACK_TO_GIVE_BACK);
      const slot = this.thrown;
      this.thrown = slot.nextThrown;
      slot.broken ||= !ExtensionError.is(slot.thrown);
      slot.thrown = undefined;
      slot.nextThrown = undefined;
      if (slot.load > 0) this.release(slot);
    }
  }

  /** Answers all callers, and has their guests stopped. */
  abort(): void {
    this.#aborting = true;
    // All callers are told before the first call is stopped: see `PendingCall#stop`.
    const calls = this.#pending.copy().filter((call) => call.giveUp(this.#errors.aborted(call.fn)));
    for (const call of calls) call.stop();
  }

  /** Whether no call runs or waits. */
  get idle(): boolean {
    return this.running === 0 && this.#pending.length === 0;
  }

  /** Resolves when the last call has ended. To be called once, where there is one, when no more come. */
  untilIdle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  release(slot: Slot): void {
    this.#pool.give(slot);
    this.running--;
    if (this.#onIdle !== undefined) this.#noticeIdle();
  }

  started(call: PendingCall): void {
    this.#latest = call;
    this.#output.renew(++this.running);
  }

  enter(fn: string, id: number): () => void {
    const outer = this.inside;
    const outerId = this.insideId;
    this.inside = fn;
    this.insideId = id;
    return () => {
      this.inside = outer;
      this.insideId = outerId;
    };
  }

  abandoned(): void {
    this.#abandoned++;
  }

  ended(call: PendingCall, slot: Slot): void {
    if (call.wasAbandoned) this.#abandoned--;
    this.#pending.delete(call);
    this.release(slot);
  }

  handedBack(call: PendingCall, slot: Slot): void {
    this.#pool.waitAgain(call);
    this.release(slot);
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

  checkResult(fn: string, result: string, { deadline }: Call): void {
    const { bounds, schemas } = this.#setup;
    const excess = result.length > this.#shortResult ? excessBytes(result, bounds.resultBytes) : undefined;
    if (excess !== undefined) throw resultTooLong(excess, bounds);
    schemas?.checkOutput(fn, result, bounds, deadline);
    // Of a call that kept this thread: its timer had no turn.
    if (deadline !== Number.POSITIVE_INFINITY && performance.now() > deadline)
      throw new ExtensionError("ERR_EXT_TIMEOUT", "the call's time was up before its result was there");
  }

  explain(error: unknown, fn: string | undefined, slot: Slot | undefined, call: Call): unknown {
    return this.#errors.explain(error, fn, slot, call);
  }

  #noticeIdle(): void {
    if (this.idle) this.#onIdle?.();
  }
}

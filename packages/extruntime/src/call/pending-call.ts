import { type Answer, type Call, NOT_STARTED, UNLIMITED } from "../contract/engine.ts";
import { type ExtensionMessage, isTraced, type WaitMessage, waitChannel } from "../contract/events.ts";
import { ExtensionError } from "../errors.ts";
import { DeadlineTimer } from "../kit/deadline-timer.ts";
import { whenAborted } from "./abort-watch.ts";
import { beginWait, endWait, tellEnd, tellsEnds } from "./call-events.ts";
import type { Listed } from "./call-list.ts";
import { endScope, failScope } from "./call-scope.ts";
import type { Start } from "./call-times.ts";
import { type Slot, Waiter } from "./pool/slot.ts";

/** The module, as a call of it sees it. */
export interface CallOwner {
  /** Of messages about its calls. */
  readonly message: ExtensionMessage;
  /** The call has an instance and starts to run. */
  started(call: PendingCall): void;
  /** The guest of a call holds this thread, until what is returned is called. */
  enter(fn: string, id: number): () => void;
  /** The caller has an answer, and the engine has yet to end the call: it still holds its slot. */
  abandoned(): void;
  /** Takes the slot back after the call has ended in the engine. */
  ended(call: PendingCall, slot: Slot): void;
  /** The engine handed the call back before the guest saw it: it waits again, and the slot is taken back. */
  handedBack(call: PendingCall, slot: Slot): void;
  /** The call left the queue without having run. */
  left(call: PendingCall): void;
  /** @throws ExtensionError where the result is longer than it may be, or later. */
  checkResult(fn: string, result: string, call: Call): void;
  /** What the caller is to see of an error that the engine threw. Marks the slot where the engine crashed. */
  explain(error: unknown, fn: string | undefined, slot: Slot | undefined, call: Call): unknown;
  /** A call that waited for an instance has one. */
  waited(start: Start): void;
  /** The caller has its answer: a result, or an error where there is none. */
  answered(result: string | undefined, start: Start): void;
  /** The caller got this error. */
  failed(error: unknown): void;
}

/**
 * One call that does not end at once: it waits for an instance, or its engine answers later. Settles its promise exactly
 * once; whichever of result, deadline, signal and close comes first wins.
 */
export class PendingCall extends Waiter implements Answer, Listed {
  place = -1;
  readonly promise: Promise<string>;
  readonly id: number;
  readonly fn: string;
  readonly #owner: CallOwner;
  readonly #payload: string;
  readonly #limits: Call;
  readonly #start: Start;
  /** It is in the queue for the first time. */
  #waits: boolean;
  /** Told to those who listen, while it waits. */
  #wait: WaitMessage | undefined;
  #resolve!: (result: string) => void;
  #reject!: (error: unknown) => void;
  #settled = false;
  #abandoned = false;
  #timer: DeadlineTimer | undefined;
  /** Lets go of the signal. */
  #unwatch: (() => void) | undefined;
  /** Held until the engine's promise settles, which may be after the caller's did. */
  #slot: Slot | undefined;

  constructor(owner: CallOwner, fn: string, payload: string, limits: Call, id: number, start: Start, waits = false) {
    super();
    this.#owner = owner;
    this.fn = fn;
    this.#payload = payload;
    this.#limits = limits;
    this.id = id;
    this.#start = start;
    this.#waits = waits;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (limits !== UNLIMITED) this.#watch(limits);
    if (waits && isTraced(waitChannel)) this.#wait = beginWait(owner.message, this.id, fn);
  }

  /** It holds an instance. */
  get runs(): boolean {
    return this.#slot !== undefined;
  }

  override serve(slot: Slot): void {
    this.#owner.started(this);
    if (this.#waits) this.#endWait();
    this.#slot = slot;
    const { instance } = slot;
    let result: string | Promise<string>;
    let leave: (() => void) | undefined;
    try {
      if (instance.invokeLater !== undefined) {
        instance.invokeLater(this.fn, this.#payload, this.#limits, this);
        return;
      }
      leave = this.#owner.enter(this.fn, this.id);
      result = instance.invoke(this.fn, this.#payload, this.#limits);
    } catch (error) {
      leave?.();
      this.#end(slot, error, undefined);
      return;
    }
    leave();
    if (typeof result === "string") this.#end(slot, undefined, result);
    else this.follow(slot, result);
  }

  /** Goes on with a call that was started on `slot` and that the engine answers later. */
  follow(slot: Slot, result: Promise<string>): void {
    this.#slot = slot;
    result.then(
      (text) => this.#end(slot, undefined, text),
      (error: unknown) => this.#end(slot, error, undefined),
    );
  }

  succeed(result: string): void {
    this.#end(this.#slot!, undefined, result);
  }

  fail(error: unknown): void {
    this.#end(this.#slot!, error, undefined);
  }

  override refuse(error: unknown): void {
    this.#owner.left(this);
    this.#rejectWith(this.#owner.explain(error, this.fn, undefined, this.#limits));
  }

  /** Gives the caller this error now. The engine is asked to stop if it runs; the instance is held until it has. */
  cancel(error: unknown): void {
    if (this.giveUp(error)) this.stop();
  }

  /** The first half: `false` where the caller has an answer already. */
  giveUp(error: unknown): boolean {
    if (this.#settled) return false;
    if (this.#slot === undefined) this.#owner.left(this);
    else {
      this.#abandoned = true;
      this.#owner.abandoned();
    }
    this.#rejectWith(error);
    return true;
  }

  /** The queue is full: it fails as one that never came, and counts nowhere. */
  withdraw(error: unknown): void {
    this.#owner.left(this);
    if (this.#settled) return;
    this.#finish();
    if (this.#wait !== undefined) this.#wait = endWait(this.#wait, error);
    this.#reject(error);
  }

  /** Its caller had an answer before the engine had ended it. */
  get wasAbandoned(): boolean {
    return this.#abandoned;
  }

  /** The second. All calls without limits have the same ones, so the engine may stop others of them too. */
  stop(): void {
    this.#slot?.instance.abort?.(this.#limits);
  }

  #end(slot: Slot, error: unknown, result: string | undefined): void {
    this.#slot = undefined;
    if (error === NOT_STARTED) {
      if (this.#settled) this.#owner.ended(this, slot);
      else this.#owner.handedBack(this, slot);
      return;
    }
    endScope(this.#limits);
    // The caller is answered before the slot is handed on: the next call may run a guest on this very thread.
    if (result === undefined) this.#rejectWith(this.#owner.explain(error, this.fn, slot, this.#limits));
    else this.#resolveWith(result);
    this.#owner.ended(this, slot);
  }

  #resolveWith(result: string): void {
    if (this.#settled) return;
    try {
      this.#owner.checkResult(this.fn, result, this.#limits);
    } catch (error) {
      this.#rejectWith(this.#owner.explain(error, this.fn, undefined, this.#limits));
      return;
    }
    this.#finish();
    this.#owner.answered(result, this.#start);
    this.#resolve(result);
  }

  #rejectWith(error: unknown): void {
    if (this.#settled) return;
    this.#finish();
    this.#owner.answered(undefined, this.#start);
    this.#owner.failed(error);
    if (this.#wait !== undefined) this.#wait = endWait(this.#wait, error);
    if (tellsEnds()) tellEnd(this.#owner.message, this.id, this.fn, error);
    this.#reject(error);
    failScope(this.#limits, error);
  }

  #endWait(): void {
    this.#waits = false;
    this.#owner.waited(this.#start);
    if (this.#wait !== undefined) this.#wait = endWait(this.#wait);
  }

  #finish(): void {
    this.#settled = true;
    this.#timer?.stop();
    this.#unwatch?.();
  }

  #watch({ deadline, signal }: Call): void {
    if (signal !== undefined) this.#unwatch = whenAborted(signal, () => this.cancel(signal.reason));
    if (deadline !== Number.POSITIVE_INFINITY) this.#timer = new DeadlineTimer(deadline, () => this.#onDeadline());
  }

  #onDeadline(): void {
    const waited = this.#slot === undefined ? "while it waited for an instance" : "while it ran";
    const error = new ExtensionError("ERR_EXT_TIMEOUT", `the call's time was up ${waited}`);
    this.cancel(this.#owner.explain(error, this.fn, undefined, this.#limits));
  }
}

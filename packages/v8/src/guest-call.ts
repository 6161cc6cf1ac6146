import { NOT_STARTED } from "extruntime/engine";
import { MARK } from "./dispatcher.ts";
import type { Guest, Waiter } from "./guest.ts";
import type { Reference } from "./isolated-vm.ts";
import { isTimeout, thrownAtTopLevel, timedOut } from "./outcome.ts";

/** A function of a guest's, as the host calls it. */
export class Invoker {
  readonly guest: Guest;
  readonly #counter: Counter;
  readonly #fn: Reference;
  /** It has answered with a promise: the answer to the next call is asked for together with the call. */
  #async = false;

  constructor(guest: Guest, counter: Counter, fn: Reference) {
    this.guest = guest;
    this.#counter = counter;
    this.#fn = fn;
  }

  /**
   * Calls it off this thread, after the calls that were made before. The dispatcher's answer, or an error, goes to
   * `receiver`. Returns the call's number.
   */
  call(payload: string, receiver: Receiver): number {
    const { guest } = this;
    guest.goAway();
    const call = new GuestCall(this, ++this.#counter.calls, receiver, this.#async);
    guest.submit(this.#fn.apply(undefined, [payload]), call);
    if (this.#async) call.take();
    return call.ticket;
  }

  /** Calls it on this thread, for at most `limits.timeout` milliseconds of its processor time. */
  callSync(payload: string, limits: { timeout?: number }): string {
    this.guest.enter();
    try {
      return this.#callHere(payload, limits);
    } finally {
      this.guest.leave();
    }
  }

  answersLater(): void {
    this.#async = true;
  }

  #callHere(payload: string, limits: { timeout?: number }): string {
    const { guest } = this;
    const ticket = ++this.#counter.calls;
    let answer: unknown;
    try {
      answer = this.#fn.applySync(undefined, [payload], limits);
      if (answer === MARK.pending) answer = guest.take.applySync(undefined, [ticket]);
    } catch (error) {
      if (limits.timeout !== undefined && isTimeout(error)) guest.kill(timedOut());
      const explained = guest.explain(error);
      if (guest.broken) throw explained;
      answer = guest.take.applySync(undefined, [ticket]) ?? error;
    }
    if (typeof answer === "string") return answer;
    throw thrownAtTopLevel(answer);
  }
}

/** Of all calls of a guest. The dispatcher counts them too. */
export interface Counter {
  /** Number of the last one. */
  calls: number;
}

export interface Receiver {
  succeed(answer: string): void;
  /** With `NOT_STARTED` where the isolate ended before the call's turn. */
  fail(error: unknown): void;
}

/** One call, on its way through the isolate. */
class GuestCall implements Waiter {
  settled = false;
  readonly #invoker: Invoker;
  readonly ticket: number;
  readonly #receiver: Receiver;
  /** The answer comes through `take`, and not as the call's result. */
  #taking: boolean;
  /** What came in place of the call's result. */
  #failure: unknown;

  constructor(invoker: Invoker, ticket: number, receiver: Receiver, taking: boolean) {
    this.#invoker = invoker;
    this.ticket = ticket;
    this.#receiver = receiver;
    this.#taking = taking;
  }

  succeed(result: unknown): void {
    if (this.#taking) return;
    if (result !== MARK.pending) {
      this.#receiver.succeed(result as string);
      return;
    }
    this.#invoker.answersLater();
    this.take();
  }

  /** isolated-vm tells of a rejection that nobody handled in place of the call's result, which the guest keeps. */
  fail(error: unknown): void {
    this.#failure = error;
    if (this.#taking) return;
    if (error === NOT_STARTED || this.#invoker.guest.broken) this.#receiver.fail(error);
    else this.take();
  }

  take(): void {
    this.#taking = true;
    const { guest } = this.#invoker;
    guest.submit(guest.take.apply(undefined, [this.ticket]), {
      ticket: this.ticket,
      settled: false,
      succeed: (answer) => {
        if (typeof answer === "string") this.#receiver.succeed(answer);
        else this.#receiver.fail(thrownAtTopLevel(this.#failure));
      },
      // The call itself may have started.
      fail: (error) =>
        this.#receiver.fail(error === NOT_STARTED && this.#failure !== NOT_STARTED ? guest.failure : error),
    });
  }
}

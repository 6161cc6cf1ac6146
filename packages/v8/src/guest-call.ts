import { NOT_STARTED } from "extruntime/engine";
import { MARK } from "./dispatcher.ts";
import type { Guest, Waiter } from "./guest.ts";
import type { HostAnswers } from "./host-desk.ts";
import type { Reference } from "./isolated-vm.ts";
import { isTimeout, thrownAtTopLevel, timedOut } from "./outcome.ts";

/** A function of a guest's, as the host calls it. */
export class Invoker {
  readonly guest: Guest;
  readonly #outbox: Outbox;
  readonly #fn: Reference;
  /** It has answered with a promise: the answer to the next call is asked for together with the call. */
  #async = false;

  constructor(guest: Guest, outbox: Outbox, fn: Reference) {
    this.guest = guest;
    this.#outbox = outbox;
    this.#fn = fn;
  }

  /**
   * Calls it off this thread, after the calls that were made before. The dispatcher's answer, or an error, goes to
   * `receiver`. Returns the call's number.
   */
  call(payload: string, receiver: Receiver): number {
    this.guest.goAway();
    const call = new GuestCall(this, ++this.#outbox.calls, payload, receiver, this.#async);
    this.#outbox.put(call);
    return call.ticket;
  }

  /** Sends a call to the isolate. */
  send(call: GuestCall): void {
    const { guest } = this;
    if (guest.broken) {
      call.handBack();
      return;
    }
    let sent: Promise<unknown>;
    try {
      sent = this.#fn.apply(undefined, [call.payload]);
    } catch (error) {
      sent = Promise.reject(error);
    }
    guest.submit(sent, call);
    if (call.taking) call.take();
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
    const ticket = ++this.#outbox.calls;
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

/**
 * The calls of a guest that are sent at the end of what this thread is doing: isolated-vm takes the whole stack down for each of them, which
 * at the bottom of a host's own calls takes longer than the rest.
 */
export class Outbox {
  /** Number of the last call. The dispatcher counts them too. */
  calls = 0;
  #waiting: GuestCall[] = [];

  put(call: GuestCall): void {
    if (this.#waiting.push(call) === 1) void SOON.then(this.#send);
  }

  readonly #send = (): void => {
    const calls = this.#waiting;
    this.#waiting = [];
    for (const call of calls) call.invoker.send(call);
  };
}

const SOON = Promise.resolve();

export interface Receiver {
  succeed(answer: string): void;
  /** With `NOT_STARTED` where the isolate ended before the call's turn. */
  fail(error: unknown): void;
}

/** One call, on its way through the isolate. */
class GuestCall implements Waiter {
  settled = false;
  readonly invoker: Invoker;
  readonly ticket: number;
  readonly payload: string;
  /** The answer comes through `take`, and not as the call's result. */
  taking: boolean;
  readonly #receiver: Receiver;
  /** What came in place of the call's result. */
  #failure: unknown;

  constructor(invoker: Invoker, ticket: number, payload: string, receiver: Receiver, taking: boolean) {
    this.invoker = invoker;
    this.ticket = ticket;
    this.payload = payload;
    this.taking = taking;
    this.#receiver = receiver;
  }

  succeed(result: unknown): void {
    if (this.taking) return;
    if (result !== MARK.pending) {
      this.#receiver.succeed(result as string);
      return;
    }
    this.invoker.answersLater();
    this.take();
  }

  /** isolated-vm tells of a rejection that nobody handled in place of the call's result, which the guest keeps. */
  fail(error: unknown): void {
    this.#failure = error;
    if (this.taking) return;
    if (error === NOT_STARTED || this.invoker.guest.broken) this.#receiver.fail(error);
    else this.take();
  }

  /** The guest ended before the call was sent. */
  handBack(): void {
    this.settled = true;
    this.#receiver.fail(NOT_STARTED);
  }

  take(): void {
    this.taking = true;
    const { guest } = this.invoker;
    guest.submit(guest.take.apply(undefined, [this.ticket]), {
      ticket: this.ticket,
      settled: false,
      succeed: (answer) => {
        if (answer === MARK.hosted) this.#waitForHost();
        else if (typeof answer === "string") this.#receiver.succeed(answer);
        else this.#receiver.fail(thrownAtTopLevel(this.#failure));
      },
      // The call itself may have started.
      fail: (error) =>
        this.#receiver.fail(error === NOT_STARTED && this.#failure !== NOT_STARTED ? guest.failure : error),
    });
  }

  /** The wait is an operation of the guest as any other, which ends with the guest. */
  #waitForHost(): void {
    const { guest } = this.invoker;
    guest.submit(guest.desk!.answers(), {
      ticket: this.ticket,
      settled: false,
      succeed: (answers) => {
        if (guest.broken) {
          this.#receiver.fail(guest.failure);
          return;
        }
        guest.deliver(this.ticket, answers as HostAnswers);
        this.take();
      },
      fail: () => this.#receiver.fail(guest.failure),
    });
  }
}

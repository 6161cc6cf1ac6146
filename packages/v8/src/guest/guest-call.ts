import { NOT_STARTED } from "extruntime/engine";
import { MARK } from "../guest-javascript/index.ts";
import type { Reference } from "../isolate/isolated-vm.ts";
import type { Guest, Waiter } from "./guest.ts";
import type { HostAnswers, HostCallMailbox } from "./host-call-mailbox.ts";
import { thrownAtTopLevel } from "./outcome.ts";

/** A function of a guest's, as the host calls it. */
export class Invoker {
  readonly guest: Guest;
  readonly #outbox: Outbox;
  readonly #fn: Reference;

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
    const call = new GuestCall(this, ++this.#outbox.calls, payload, receiver);
    this.#outbox.put(call);
    return call.ticket;
  }

  /** Sends a call to the isolate. */
  send(call: GuestCall): void {
    const { guest } = this;
    if (guest.broken || call.unwanted) {
      call.handBack();
      return;
    }
    let sent: Promise<unknown>;
    try {
      sent = this.#fn.apply(undefined, [call.ticket, call.payload]);
    } catch (error) {
      sent = Promise.reject(error);
    }
    guest.submit(sent, call);
  }

  /** Calls it on this thread, until a time on the clock of `performance.now()`. */
  callSync(payload: string, deadline: number): string {
    this.guest.enter();
    try {
      return this.guest.runUntil(deadline, () => this.#callHere(payload));
    } finally {
      this.guest.leave();
    }
  }

  #callHere(payload: string): string {
    const { guest } = this;
    const ticket = ++this.#outbox.calls;
    let answer: unknown;
    try {
      answer = this.#fn.applySync(undefined, [ticket, payload]);
      if (answer === MARK.pending) answer = guest.take.applySync(undefined, [ticket]);
    } catch (error) {
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
  /** Nobody waits for the answer any more: a call that was not sent is handed back. */
  readonly unwanted: boolean;
  succeed(answer: string): void;
  /** With `NOT_STARTED` where the isolate ended before the call's turn. */
  fail(error: unknown): void;
}

/**
 * One call, on its way through the isolate: one operation, and for a guest that waits for the host one more for each time that the host
 * has answers. The call ends with the last of them, so nothing of it runs beside the next call.
 */
class GuestCall implements Waiter {
  settled = false;
  readonly invoker: Invoker;
  readonly ticket: number;
  readonly payload: string;
  readonly #receiver: Receiver;
  #answer: string | undefined;

  constructor(invoker: Invoker, ticket: number, payload: string, receiver: Receiver) {
    this.invoker = invoker;
    this.ticket = ticket;
    this.payload = payload;
    this.#receiver = receiver;
  }

  get unwanted(): boolean {
    return this.#receiver.unwanted;
  }

  get answered(): boolean {
    return this.#answer !== undefined;
  }

  told(answer: string): void {
    this.#answer = answer;
  }

  succeed(result?: unknown): void {
    const { mailbox } = this.invoker.guest;
    if (result === MARK.skipped) this.#receiver.fail(NOT_STARTED);
    else if (this.#answer !== undefined) this.#receiver.succeed(this.#answer);
    else if (mailbox?.waits === true) this.#waitForHost(mailbox);
    else this.#receiver.succeed(MARK.pending);
  }

  /** isolated-vm tells of a rejection that nobody handled in place of the operation's end. */
  fail(error: unknown): void {
    const { guest } = this.invoker;
    if (error === NOT_STARTED || guest.broken) this.#receiver.fail(error);
    else if (guest.hasStarted(this.ticket)) this.succeed();
    else this.#receiver.fail(thrownAtTopLevel(error));
  }

  /** The guest ended, or the call was given up, before it was sent. */
  handBack(): void {
    this.settled = true;
    this.#receiver.fail(NOT_STARTED);
  }

  /** The wait is an operation of the guest as any other, which ends with the guest. */
  #waitForHost(mailbox: HostCallMailbox): void {
    const { guest } = this.invoker;
    guest.submit(mailbox.answers(), {
      ticket: this.ticket,
      settled: false,
      outside: true,
      succeed: (answers) => {
        if (guest.broken) {
          this.#receiver.fail(guest.failure);
          return;
        }
        this.settled = false;
        guest.submit(guest.deliver(this.ticket, answers as HostAnswers), this);
      },
      fail: () => this.#receiver.fail(guest.failure),
    });
  }
}

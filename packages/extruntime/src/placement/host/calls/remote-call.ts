import { QueueEntry } from "../../../call/pool/wait-queue.ts";
import type { Answer, Call } from "../../../contract/engine.ts";
import type { ProgramHistory } from "./program-history.ts";

/** Whose guest a call runs. */
export interface GuestSide {
  /** Number of its program. */
  readonly program: number;
  /** Of its program. */
  readonly history: ProgramHistory;
  /** The call runs asynchronously. */
  wentOn(): void;
  /** Before the answer is given. `broken`: the instance cannot serve on; `micros`: what its calls take, or 0. */
  ended(call: RemoteCall, broken: boolean, micros: number): void;
}

/** How much longer than usual a worker may be without a sign while it makes a program or instances of it, or reads long payloads. */
export interface Patience {
  factor: number;
}

/** One thing asked of a worker: a call, or the making of a program or an instance. */
export class RemoteCall {
  /** Set when it is sent; 0 before. */
  key = 0;
  /** In which order its worker was sent it; keys are used again in any. */
  place = 0;
  /** Bytes of its frame that its worker has still to read, until the call has begun. */
  bytes = 0;
  /** While its worker has no key for it. */
  unsent: Unsent | undefined;
  readonly limits: Call;
  /** The worker said that it runs asynchronously. */
  later = false;
  /** The worker said that it began, or it could not be taken back any more when that was tried. */
  started = false;
  /** It held its thread when it was to stop. */
  endless = false;
  settled = false;
  result: string | undefined;
  error: unknown;
  /** Can be done again elsewhere though it had started: how patient its worker is first. */
  readonly repeatable: Patience | undefined;
  readonly #answer: Answer | undefined;
  /** Set for a call, and not for the making of a program or an instance. */
  readonly guest: GuestSide | undefined;
  /** Its end may cost its thread, as far as is known: it has a limit, and not enough of its program's calls have ended by themselves. */
  readonly apart: boolean;

  /**
   * @param answer where nobody waits for it with the thread.
   * @param how for a call whose it is; the making of programs and instances can be repeated instead.
   */
  constructor(limits: Call, answer: Answer | undefined, how: GuestSide | Patience) {
    this.limits = limits;
    this.#answer = answer;
    if ("factor" in how) {
      this.repeatable = how;
      this.guest = undefined;
      this.apart = false;
    } else {
      this.repeatable = undefined;
      this.guest = how;
      const limited = limits.deadline !== Number.POSITIVE_INFINITY || limits.signal !== undefined;
      this.apart = limited && !how.history.known;
    }
  }

  goOn(): void {
    if (this.later) return;
    this.later = true;
    this.guest?.wentOn();
  }

  succeed(result: string, broken: boolean, micros: number): void {
    if (this.settled) return;
    this.settled = true;
    this.result = result;
    this.guest?.ended(this, broken, micros);
    this.#answer?.succeed(result);
  }

  fail(error: unknown, broken: boolean): void {
    if (this.settled) return;
    this.settled = true;
    this.error = error;
    this.guest?.ended(this, broken, 0);
    this.#answer?.fail(error);
  }
}

/** A call that waits for a key, or until it may share its thread. */
export class Unsent extends QueueEntry {
  readonly call: RemoteCall;
  readonly send: (key: number) => void;
  /** From when on it does not wait for others to end, on the clock of `performance.now()`. */
  readonly until: number;

  constructor(call: RemoteCall, until: number, send: (key: number) => void) {
    super();
    this.call = call;
    this.until = until;
    this.send = send;
  }
}

/** An answer as a promise. */
export class PromisedAnswer implements Answer {
  readonly promise: Promise<string>;
  succeed!: (result: string) => void;
  fail!: (error: unknown) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.succeed = resolve;
      this.fail = reject;
    });
  }
}

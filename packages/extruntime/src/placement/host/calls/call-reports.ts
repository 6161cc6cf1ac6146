import { NOT_STARTED } from "../../../contract/engine.ts";
import { errorFromJson } from "../../wire/error.ts";
import type { Link } from "../../wire/link.ts";
import { FLAG, KIND } from "../../wire/protocol.ts";
import { type HeldCalls, isGuests } from "./held-calls.ts";
import type { RemoteCall } from "./remote-call.ts";
import type { WorkerSilence } from "./worker-silence.ts";

export const NO_ERROR = "a failure whose error cannot be read";

/** Whose calls they are. */
export interface Answering {
  /** It has answered a call of a guest. */
  answered: boolean;
  /** A call of it has ended, and its key is free. */
  freed(): void;
}

/** What a worker says of its calls: that they have begun, are asynchronous, or have ended. */
export class CallReports {
  readonly #worker: Answering;
  readonly #link: Pick<Link, "explain">;
  readonly #held: HeldCalls;
  readonly #silence: WorkerSilence;

  constructor(worker: Answering, link: Pick<Link, "explain">, held: HeldCalls, silence: WorkerSilence) {
    this.#worker = worker;
    this.#link = link;
    this.#held = held;
    this.#silence = silence;
  }

  /** Its worker says so itself. */
  began(key: number): undefined {
    const call = this.#held.find(key);
    if (call !== undefined) call.started = true;
    return undefined;
  }

  /** Its link has seen so, and what is seen may be of a call that was taken back since. */
  seemsBegun(key: number): void {
    const call = this.#held.find(key);
    if (call !== undefined) this.#silence.hasRead(call);
  }

  /** Returns what is wrong with a frame that a worker could send, but not this one, or not now. */
  take(kind: number, flags: number, key: number, micros: number, body: string): string | undefined {
    const call = this.#held.find(key);
    if (call === undefined) return this.#held.answeredBefore(key) ? undefined : `an answer to call ${key}`;
    if (kind !== KIND.skipped) this.#silence.hasRead(call);
    if (kind === KIND.later) {
      this.#held.goOn(call);
      return undefined;
    }
    const broken = (flags & FLAG.broken) !== 0;
    if (kind === KIND.done) {
      this.#worker.answered ||= call.repeatable === undefined;
      call.succeed(body, broken, micros);
    } else if (kind === KIND.skipped) {
      call.fail(NOT_STARTED, broken);
    } else {
      const error = errorFromJson(body);
      if (error === undefined) return NO_ERROR;
      call.fail(isGuests(call) ? error : (this.#link.explain?.(error) ?? error), broken);
    }
    this.#free(call);
    return undefined;
  }

  #free(call: RemoteCall): void {
    // Who heard the answer may have ended the worker.
    if (this.#held.find(call.key) !== call) return;
    this.#silence.hasRead(call);
    this.#held.remove(call);
    this.#worker.freed();
  }
}

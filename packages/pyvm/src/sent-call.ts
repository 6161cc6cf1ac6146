import type { Answer, Call } from "extruntime/engine";
import type { Receiver } from "./bridge.ts";
import type { Grace } from "./grace.ts";
import type { PyvmInstance } from "./instance.ts";

/** A call that was sent to an interpreter: it runs, or waits for its turn there. */
export class SentCall implements Receiver {
  /** By which the core knows it. */
  readonly call: Call;
  /** By which the addon knows it. */
  token = -1;
  /** Nobody waits for it any more. */
  unwanted = false;
  /** Runs from its abort to its end. */
  grace: Grace | undefined;
  readonly #instance: PyvmInstance;
  readonly #answer: Answer;

  constructor(instance: PyvmInstance, call: Call, answer: Answer) {
    this.#instance = instance;
    this.call = call;
    this.#answer = answer;
  }

  succeed(result: string): void {
    this.#instance.ended(this);
    this.#answer.succeed(result);
  }

  fail(error: unknown): void {
    this.#instance.ended(this, error);
    this.#answer.fail(error);
  }
}

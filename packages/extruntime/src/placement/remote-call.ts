import type { Answer, Call } from "../spi.ts";

type OnEnd = (call: RemoteCall, broken: boolean, micros: number) => void;

/** One thing asked of a worker: a call, or the making of a program or an instance. */
export class RemoteCall {
  /** Set when it is sent; 0 before. */
  key = 0;
  /** In which order its worker was sent it; keys are used again in any. */
  place = 0;
  readonly limits: Call;
  /** The worker said that it goes on by itself. */
  later = false;
  settled = false;
  result: string | undefined;
  error: unknown;
  /** Can be done again elsewhere though it had started. */
  readonly repeatable: boolean;
  readonly #answer: Answer | undefined;
  /** Told, before the answer is given, whether the instance can serve on. */
  readonly #onEnd: OnEnd | undefined;

  /**
   * @param answer where nobody waits for it with the thread.
   * @param onEnd for calls of guests: the making of programs and instances has none, and can be repeated.
   */
  constructor(limits: Call, answer: Answer | undefined, onEnd?: OnEnd) {
    this.limits = limits;
    this.repeatable = onEnd === undefined;
    this.#answer = answer;
    this.#onEnd = onEnd;
  }

  succeed(result: string, broken: boolean, micros: number): void {
    if (this.settled) return;
    this.settled = true;
    this.result = result;
    this.#onEnd?.(this, broken, micros);
    this.#answer?.succeed(result);
  }

  fail(error: unknown, broken: boolean): void {
    if (this.settled) return;
    this.settled = true;
    this.error = error;
    this.#onEnd?.(this, broken, 0);
    this.#answer?.fail(error);
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

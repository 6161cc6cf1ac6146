import { type Call, ExtensionError } from "extruntime/engine";

/** Thrown through the interpreter's frames: a host function answers later, and the run is done again then. */
export class Suspended {
  readonly answer: Promise<string>;

  constructor(answer: Promise<string>) {
    this.answer = answer;
  }
}

/**
 * A call that waits for a host function in the midst of its code, on the host's own thread: its run was left, and is done again from its start when the
 * answer has come, with all that the host has told it until then.
 */
export class SuspendedCall {
  readonly call: Call;
  readonly promise: Promise<string>;
  readonly #again: (answer: string) => string | Promise<string>;
  #resolve!: (result: string | Promise<string>) => void;
  #reject!: (error: unknown) => void;
  #ended = false;

  /** @param again does the run again, with one more answer. Throws {@link Suspended} where it has to wait once more. */
  constructor(call: Call, suspended: Suspended, again: (answer: string) => string | Promise<string>) {
    this.call = call;
    this.#again = again;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#wait(suspended);
  }

  /** Ends it in the midst of its code: its interpreter is to be put back. */
  cancel(): false {
    this.#ended = true;
    const { signal } = this.call;
    const late = new ExtensionError("ERR_EXT_TIMEOUT", "it was stopped while it waited for a host function");
    this.#reject(signal?.aborted === true ? signal.reason : late);
    return false;
  }

  #wait(suspended: Suspended): void {
    void suspended.answer.then((answer) => {
      if (this.#ended) return;
      try {
        this.#resolve(this.#again(answer));
      } catch (error) {
        if (error instanceof Suspended) this.#wait(error);
        else this.#reject(error);
      }
    });
  }
}

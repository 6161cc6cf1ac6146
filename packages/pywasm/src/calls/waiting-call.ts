import { type Call, ExtensionError } from "extruntime/engine";
import { type InterpreterExports, STATUS } from "../interpreter/abi.ts";
import type { Interpreter } from "../interpreter/interpreter.ts";

/** Milliseconds that a coroutine has to end when it is cancelled, which most do at once: the host's thread waits meanwhile. */
const CANCEL_MS = 500;
/** The same of the process's processor time, which ends it first but on a busy machine. */
const CANCEL_PROCESSOR_MS = 20;
/** What a timer of Node's can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface Steps {
  /** Runs an export within the limits of the call. Throws what ended it before its end. */
  step(body: (exports: InterpreterExports) => number, call?: Call): number;
  /** The call's result. Throws what it failed with. */
  result(status: number): string;
}

/** A call of an `async def` that waits for a timer or for host functions, and goes on with each that comes. */
export class WaitingCall {
  readonly call: Call;
  readonly promise: Promise<string>;
  readonly #interpreter: Interpreter;
  readonly #steps: Steps;
  #resolve!: (result: string) => void;
  #reject!: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #ended = false;

  constructor(interpreter: Interpreter, call: Call, steps: Steps) {
    this.#interpreter = interpreter;
    this.call = call;
    this.#steps = steps;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    interpreter.host.onAnswer = (number, answer) => this.#answered(number, answer);
    this.#wait();
  }

  /** Ends it. `false` where the coroutine did not end, or not in time: its interpreter is to be put back then. */
  cancel(): boolean {
    this.#end();
    const deadline = performance.now() + CANCEL_MS;
    try {
      const status = this.#interpreter.run(
        { deadline, signal: undefined },
        undefined,
        (exports) => exports.ext_cancel(),
        CANCEL_PROCESSOR_MS,
      );
      return status !== STATUS.waiting && status !== STATUS.broken;
    } catch {
      return false;
    } finally {
      const reason = this.call.signal?.aborted === true ? this.call.signal.reason : undefined;
      this.#reject(reason ?? new ExtensionError("ERR_EXT_TIMEOUT", "it was stopped while it waited"));
    }
  }

  #wait(): void {
    const { wait } = this.#interpreter;
    if (wait < 0) return;
    if (wait === 0) this.#immediate = setImmediate(() => this.#goOn((exports) => exports.ext_go_on()));
    else
      this.#timer = setTimeout(
        () => this.#goOn((exports) => exports.ext_go_on()),
        Math.min(Math.ceil(wait), LONGEST_TIMER_MS),
      );
  }

  #answered(number: number, answer: string): void {
    this.#goOn((exports) => {
      const status = this.#interpreter.answered(exports, number, answer);
      return status === STATUS.done ? exports.ext_go_on() : status;
    });
  }

  #goOn(body: (exports: InterpreterExports) => number): void {
    if (this.#ended) return;
    this.#stopTimers();
    try {
      const status = this.#steps.step(body);
      if (status === STATUS.waiting) this.#wait();
      else {
        this.#end();
        this.#resolve(this.#steps.result(status));
      }
    } catch (error) {
      this.#end();
      this.#reject(error);
    }
  }

  #end(): void {
    this.#ended = true;
    this.#stopTimers();
    this.#interpreter.host.forget();
    this.#interpreter.host.onAnswer = undefined;
  }

  #stopTimers(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
  }
}

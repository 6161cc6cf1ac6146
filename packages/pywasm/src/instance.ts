import { type Call, ExtensionError, type Instance } from "extruntime/engine";
import { Suspended, SuspendedCall } from "./calls/suspended-call.ts";
import { WaitingCall } from "./calls/waiting-call.ts";
import { type InterpreterExports, STATUS } from "./interpreter/abi.ts";
import { giveInterpreter } from "./interpreter/free-interpreters.ts";
import type { Interpreter } from "./interpreter/interpreter.ts";
import { refusedStatus } from "./outcome.ts";
import type { PywasmProgram } from "./program.ts";

/** A program in an interpreter. A call runs to its end on the calling thread, or as far as it does not wait for timers and host functions. */
export class PywasmInstance implements Instance {
  readonly #program: PywasmProgram;
  readonly #functions: ReadonlyMap<string, number>;
  readonly #interpreter: Interpreter;
  /** It is no longer as it was after the top level. */
  #used = false;
  /** Nothing in its memory is certain. */
  #lost = false;
  /** A call that waits. */
  #waiting: WaitingCall | SuspendedCall | undefined;

  constructor(program: PywasmProgram, interpreter: Interpreter, functions: ReadonlyMap<string, number>) {
    this.#program = program;
    this.#interpreter = interpreter;
    this.#functions = functions;
  }

  invoke(fn: string, payload: string, call: Call): string | Promise<string> {
    this.#begin();
    const index = this.#functions.get(fn)!;
    this.#interpreter.keepStart();
    const run = () => this.#run(call, payload, index);
    try {
      return run();
    } catch (error) {
      if (!(error instanceof Suspended)) throw error;
      const suspended = new SuspendedCall(call, error, (answer) => {
        this.#waiting = undefined;
        this.#interpreter.backToStart(answer);
        try {
          return run();
        } catch (again) {
          if (again instanceof Suspended) this.#waiting = suspended;
          throw again;
        }
      });
      this.#waiting = suspended;
      return suspended.promise;
    }
  }

  invokeSync(fn: string, payload: string, call: Call): string {
    this.#begin();
    const index = this.#functions.get(fn)!;
    return this.#result(this.#step(call, (exports, length) => exports.ext_call(index, length, 0), payload));
  }

  /** Only a call that waits can be met here. It is cancelled as asyncio does; where it does not end for that, its interpreter is put back. */
  abort(call: Call): void {
    const waiting = this.#waiting;
    if (waiting?.call !== call) return;
    this.#waiting = undefined;
    if (!waiting.cancel()) this.#lost = true;
  }

  close(): void {
    giveInterpreter(this.#interpreter);
  }

  #begin(): void {
    if (this.#lost || (this.#used && this.#program.fresh)) {
      this.#program.restore(this.#interpreter);
      this.#lost = false;
    }
    this.#used = true;
    this.#interpreter.output?.renew();
  }

  #run(call: Call, payload: string, index: number): string | Promise<string> {
    const status = this.#step(call, (exports, length) => exports.ext_call(index, length, 1), payload);
    this.#interpreter.leaveStart();
    if (status !== STATUS.waiting) return this.#result(status);
    const waiting = new WaitingCall(this.#interpreter, call, {
      step: (body) => this.#step(call, body),
      result: (ended) => {
        this.#waiting = undefined;
        return this.#result(ended);
      },
    });
    this.#waiting = waiting;
    return waiting.promise;
  }

  #step(call: Call, body: (exports: InterpreterExports, length: number) => number, text?: string): number {
    try {
      return this.#interpreter.run(call, text, body);
    } catch (error) {
      if (error instanceof Suspended) throw error;
      this.#lost = true;
      this.#waiting = undefined;
      this.#interpreter.leaveStart();
      throw error;
    }
  }

  #result(status: number): string {
    if (status === STATUS.done) return this.#interpreter.text;
    const error = refusedStatus(this.#interpreter, status, this.#program.bounds);
    // Of what happened while memory was full nothing is certain.
    if (status === STATUS.broken || ExtensionError.is(error, "ERR_EXT_MEMORY")) this.#lost = true;
    throw error;
  }
}

import { type Call, ExtensionError, type Instance } from "extruntime/engine";
import { type InterpreterExports, STATUS } from "./interpreter/abi.ts";
import { giveInterpreter } from "./interpreter/free-interpreters.ts";
import type { Interpreter } from "./interpreter/interpreter.ts";
import { refusedStatus } from "./outcome.ts";
import type { PywasmProgram } from "./program.ts";
import { WaitingCall } from "./waiting-call.ts";

/** A program in an interpreter. A call runs to its end on the calling thread, or as far as it does not wait for timers and host functions. */
export class PywasmInstance implements Instance {
  readonly #program: PywasmProgram;
  readonly #functions: ReadonlyMap<string, number>;
  readonly #interpreter: Interpreter;
  /** It is no longer as it was after the top level. */
  #used = false;
  /** Nothing in its memory is certain. */
  #lost = false;
  /** An `async def` that waits. */
  #waiting: WaitingCall | undefined;

  constructor(program: PywasmProgram, interpreter: Interpreter, functions: ReadonlyMap<string, number>) {
    this.#program = program;
    this.#interpreter = interpreter;
    this.#functions = functions;
  }

  invoke(fn: string, payload: string, call: Call): string | Promise<string> {
    const status = this.#begin(fn, payload, call, 1);
    if (status !== STATUS.waiting) return this.#result(status);
    this.#waiting = new WaitingCall(this.#interpreter, call, {
      step: (body) => this.#step(call, body),
      result: (ended) => {
        this.#waiting = undefined;
        return this.#result(ended);
      },
    });
    return this.#waiting.promise;
  }

  invokeSync(fn: string, payload: string, call: Call): string {
    return this.#result(this.#begin(fn, payload, call, 0));
  }

  /** Only a call that waits can be met here. It is cancelled as asyncio does; where it does not end for that, its interpreter is put back. */
  abort(call: Call): void {
    const waiting = this.#waiting;
    if (waiting === undefined || waiting.call !== call) return;
    this.#waiting = undefined;
    if (!waiting.cancel()) this.#lost = true;
  }

  close(): void {
    giveInterpreter(this.#interpreter);
  }

  #begin(fn: string, payload: string, call: Call, mayWait: number): number {
    if (this.#lost || (this.#used && this.#program.fresh)) this.#restore();
    this.#used = true;
    this.#interpreter.output?.renew();
    const index = this.#functions.get(fn)!;
    return this.#step(call, (exports, length) => exports.ext_call(index, length, mayWait), payload);
  }

  #step(call: Call, body: (exports: InterpreterExports, length: number) => number, text?: string): number {
    try {
      return this.#interpreter.run(call, text, body);
    } catch (error) {
      this.#lost = true;
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

  #restore(): void {
    this.#program.restore(this.#interpreter);
    this.#lost = false;
  }
}

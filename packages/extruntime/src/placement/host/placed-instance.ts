import { type Answer, type Call, type Instance, NOT_STARTED } from "../../contract/engine.ts";
import { ExtensionError } from "../../errors.ts";
import { CallQueue } from "../../kit/call-queue.ts";
import { FLAG, KIND } from "../wire/protocol.ts";
import type { ProgramHistory } from "./calls/program-history.ts";
import { type GuestSide, PromisedAnswer, RemoteCall } from "./calls/remote-call.ts";
import type { PlacedProgram } from "./placed-program.ts";
import type { PlacedWorker } from "./placed-worker.ts";

/** Microseconds of work that are sent ahead to an instance: enough to keep it busy until the answers are back here. */
const WORK_AHEAD = 500;
const MOST_AHEAD = 63;

/** An instance that lives in a worker. */
export class PlacedInstance implements Instance, GuestSide {
  readonly #program: PlacedProgram;
  readonly #worker: PlacedWorker;
  readonly #id: number;
  readonly #calls = new CallQueue<RemoteCall>();
  #broken = false;

  constructor(program: PlacedProgram, worker: PlacedWorker, id: number) {
    this.#program = program;
    this.#worker = worker;
    this.#id = id;
  }

  /** A worker that is held up by other calls does for nothing, where there is another one; nor does one where its calls put others at risk. */
  get broken(): boolean {
    const worker = this.#worker;
    const { pool, history } = this.#program;
    if (this.#broken || worker.closed || (worker.stalled && pool.hasRelief(worker))) return true;
    return history.endless && pool.canPart(worker, history);
  }

  /** None while calls go on by themselves: what is behind one would wait though the worker is free. */
  get ahead(): number {
    if (
      this.#worker.stalled ||
      this.#worker.takingBack ||
      this.#worker.keepsWaiting ||
      this.#calls.first?.later === true
    )
      return 0;
    return Math.min(MOST_AHEAD, Math.floor(WORK_AHEAD / this.#program.meanMicros));
  }

  invoke(fn: string, payload: string, limits: Call): Promise<string> {
    const answer = new PromisedAnswer();
    this.#send(fn, payload, limits, 0, answer);
    return answer.promise;
  }

  invokeLater(fn: string, payload: string, limits: Call, answer: Answer): void {
    this.#send(fn, payload, limits, 0, answer);
  }

  /** Blocks this thread. An answer that is a promise there is one here. */
  invokeSync(fn: string, payload: string, limits: Call): string {
    let later: PromisedAnswer | undefined;
    const answer: Answer = { succeed: (result) => later?.succeed(result), fail: (error) => later?.fail(error) };
    const call = this.#send(fn, payload, limits, FLAG.sync, answer);
    this.#worker.waitFor(call, true);
    // The core takes a promise for what it is, and refuses it, though it may have settled since.
    if (call.later) {
      later = new PromisedAnswer();
      if (call.result !== undefined) later.succeed(call.result);
      else if (call.settled) later.fail(call.error);
      return later.promise as unknown as string;
    }
    if (call.settled) {
      if (call.result !== undefined) return call.result;
      throw call.error === NOT_STARTED ? notBegun() : call.error;
    }
    this.#worker.kill("was ended to stop a call whose time was up");
    throw new ExtensionError("ERR_EXT_TIMEOUT", "the call's time was up while it ran");
  }

  abort(limits: Call): void {
    for (const call of this.#calls.copy()) if (call.limits === limits) this.#worker.abort(call);
  }

  close(): void {
    this.#worker.tell(KIND.closeInstance, this.#id);
    this.#program.pool.instanceClosed(this.#worker, this.#program.history);
  }

  #send(fn: string, payload: string, limits: Call, flags: number, answer: Answer): RemoteCall {
    const call = new RemoteCall(limits, answer, this);
    this.#calls.push(call);
    const signal = limits.signal === undefined ? 0 : FLAG.signal;
    this.#worker.ask(call, KIND.call, flags | signal, this.#program.exports.get(fn)!, this.#id, payload);
    return call;
  }

  get program(): number {
    return this.#program.id;
  }

  get history(): ProgramHistory {
    return this.#program.history;
  }

  wentOn(): void {
    this.#program.history.waited();
  }

  ended(call: RemoteCall, broken: boolean, micros: number): void {
    this.#calls.remove(call);
    if (call.endless) this.history.heldItsThread();
    else if (call.error !== NOT_STARTED) this.history.ended();
    if (broken) this.#broken = true;
    if (micros === 0) return;
    const mean = this.#program.meanMicros;
    this.#program.meanMicros = mean === Number.POSITIVE_INFINITY ? micros : (mean + micros) / 2;
  }
}

function notBegun(): ExtensionError {
  return new ExtensionError(
    "ERR_EXT_CRASHED",
    "its worker has ended, or was held up, before the call began; call again",
  );
}

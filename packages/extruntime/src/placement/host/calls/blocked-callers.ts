import type { Link } from "../../wire/link.ts";
import { type CallStopper, GRACE_MS } from "./call-stopper.ts";
import type { RemoteCall } from "./remote-call.ts";
import type { WorkerSilence } from "./worker-silence.ts";

/** Milliseconds that a caller blocks its thread for a sign from a worker that has not begun its call. */
const SILENT_MS = 1000;

/** For whose answers callers block this thread. */
export interface Awaited {
  readonly dead: boolean;
  handBack(orEnd: boolean): void;
}

/** Callers that block this thread until a worker answers, each called by the one before. */
export class BlockedCallers {
  readonly #worker: Awaited;
  readonly #link: Link;
  readonly #silence: WorkerSilence;
  readonly #stopper: CallStopper;
  /** Milliseconds that the engine has to stop a call by itself. */
  readonly #graceMs: number;
  #count = 0;

  constructor(worker: Awaited, link: Link, silence: WorkerSilence, stopper: CallStopper, softAbort: boolean) {
    this.#worker = worker;
    this.#stopper = stopper;
    this.#link = link;
    this.#silence = silence;
    this.#graceMs = softAbort ? GRACE_MS : 0;
  }

  get count(): number {
    return this.#count;
  }

  /** Blocks until the call has ended, its deadline is over or the worker has ended, and no longer than `until` on the clock of `performance.now()`; with `orLater` also when the call has become asynchronous. */
  wait(call: RemoteCall, orLater: boolean, until = Number.POSITIVE_INFINITY): void {
    const deadline = Math.min(until, call.limits.deadline + this.#graceMs);
    const done = () => call.settled || (orLater && call.later);
    this.#count++;
    this.#silence.listen();
    for (;;) {
      const look = performance.now() + SILENT_MS;
      this.#link.waitFor!(done, Math.min(deadline, look, this.#stopper.graceUntil));
      this.#stopper.endGraces();
      if (done() || this.#worker.dead || performance.now() >= deadline) break;
      if (performance.now() >= look) this.#silence.listenOrAsk(() => this.#worker.handBack(true));
    }
    this.#silence.forget();
    this.#count--;
  }
}

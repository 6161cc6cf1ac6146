import { UNLIMITED } from "../../../contract/engine.ts";
import { ExtensionError } from "../../../errors.ts";
import type { Link } from "../../wire/link.ts";
import { ownMs, type ProcessorUse } from "../../wire/processor-use.ts";
import type { HeldCalls } from "./held-calls.ts";
import { RemoteCall } from "./remote-call.ts";

/** Milliseconds that an engine which can stop its guests by itself has for it, before its worker is ended. */
export const GRACE_MS = 50;
/** The same where its thread lacks a processor meanwhile: an engine that has not had one has not failed to stop its guest. */
const MOST_GRACE_MS = 1000;
/** Share of that time for which the thread must not have waited for a processor. */
const OWN_SHARE = 0.5;
/** Milliseconds for an asynchronous call to be stopped: the worker serves others meanwhile. */
const LATER_GRACE_MS = 1000;
/** Milliseconds that a call which nobody waits for may hold a thread that has asynchronous calls of others: it may still end. */
const SPARE_MS = 1000;
/** The same where it is not known that it holds the thread, and another call may do so with good reason. */
const LONG_MS = 30_000;

/** Where the calls run. */
export interface Stoppable {
  readonly dead: boolean;
  readonly closed: boolean;
  retire(): void;
  handBack(): void;
  kill(how: string): void;
  /** Sends a call that whoever is there answers, once its thread is free. */
  sendProbe(probe: RemoteCall): boolean;
}

/** Who keeps the workers. */
export interface Lingering {
  /** Whether one more may linger. */
  mayLinger(): boolean;
}

/** Time that a call has to end by itself. */
interface Grace {
  /** On the clock of `performance.now()`. */
  until: number;
  readonly end: () => void;
}

/** Stops calls that a worker runs, and the worker where a call does not stop otherwise. */
export class CallStopper {
  readonly #worker: Stoppable;
  readonly #keeper: Lingering;
  readonly #link: Link;
  readonly #held: HeldCalls;
  /** The engine can stop its guests by itself, at least some. */
  readonly #softAbort: boolean;
  /** Looks after a worker that takes no more calls. */
  #lingered: NodeJS.Timeout | undefined;
  #lingering = false;
  readonly #graces = new Set<Grace>();

  constructor(worker: Stoppable, keeper: Lingering, link: Link, held: HeldCalls, softAbort: boolean) {
    this.#worker = worker;
    this.#keeper = keeper;
    this.#link = link;
    this.#held = held;
    this.#softAbort = softAbort;
  }

  /** The worker takes no more calls, and a call that nobody waits for holds its thread: the others of it may end yet. */
  get lingering(): boolean {
    return this.#lingering;
  }

  /** When the first grace ends, on the clock of `performance.now()`. */
  get graceUntil(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { until } of this.#graces) first = Math.min(first, until);
    return first;
  }

  /** Ends each grace whose time is up, for a caller that blocks this thread: no timer does. */
  endGraces(): void {
    const now = performance.now();
    for (const { until, end } of this.#graces) if (until <= now) end();
  }

  stop(call: RemoteCall): void {
    this.#link.abort(call.key);
    this.#link.poll();
    if (call.settled) return;
    if (call.later) {
      // The thread is free, or held by another call: no reason to end what others wait for.
      this.#afterGrace(call, LATER_GRACE_MS, () => {
        this.#letGo(call);
        this.#probe();
      });
      return;
    }
    this.#afterGrace(call, GRACE_MS, () => {
      if (call.later) this.stop(call);
      else this.#freeThread(call);
    });
  }

  /** The worker has ended. */
  end(): void {
    this.#lingering = false;
    clearTimeout(this.#lingered);
  }

  /**
   * Ends what a call holds that will not stop. Asynchronous calls of that thread would be lost with it: where there are any, the call is only
   * given up at first, and may end by itself.
   */
  #freeThread(call: RemoteCall): void {
    call.endless = true;
    const end = () => this.#worker.kill("was ended to stop a call whose time was up or that was aborted");
    if (this.#held.laters === 0 || this.#worker.closed || !this.#keeper.mayLinger()) {
      end();
      return;
    }
    this.#lingering = true;
    this.#letGo(call);
    this.#lingered = setTimeout(() => {
      this.#lingering = false;
      if (this.#held.find(call.key) === call) end();
    }, SPARE_MS).unref();
  }

  #letGo(call: RemoteCall): void {
    call.fail(new ExtensionError("ERR_EXT_TIMEOUT", "the call was given up"), true);
    this.#worker.retire();
    // What waits there for its instance would wait for ever.
    this.#worker.handBack();
  }

  /** Of a worker that takes no more calls: whether its thread still serves those that it has. */
  #probe(): void {
    if (this.#worker.dead || this.#lingered !== undefined) return;
    const probe = new RemoteCall(UNLIMITED, undefined, { factor: Number.POSITIVE_INFINITY });
    if (!this.#worker.sendProbe(probe)) return;
    this.#lingered = setTimeout(() => {
      this.#lingered = undefined;
      if (probe.settled) this.#probe();
      else this.#worker.kill("was ended, since a call that was given up held it");
    }, LONG_MS).unref();
  }

  /** Where the engine cannot stop its guests there is nothing to wait for. */
  #afterGrace(call: RemoteCall, ms: number, then: () => void): void {
    if (!this.#softAbort) {
      then();
      return;
    }
    const since = performance.now();
    const most = since + Math.max(ms, MOST_GRACE_MS);
    let before: ProcessorUse | undefined;
    const isOver = () => call.settled || !this.#graces.has(grace);
    const finish = () => {
      if (this.#graces.delete(grace) && !call.settled) then();
    };
    const end = () => {
      if (isOver() || performance.now() >= most) {
        finish();
        return;
      }
      const passedMs = performance.now() - since;
      this.#link.use((now) => {
        if (before !== undefined && ownMs(passedMs, before, now) >= ms * OWN_SHARE) finish();
      });
      if (isOver()) return;
      grace.until = Math.min(performance.now() + ms, most);
      setTimeout(end, grace.until - performance.now()).unref();
    };
    const grace: Grace = { until: since + ms, end };
    this.#graces.add(grace);
    this.#link.use((use) => {
      before = use;
    });
    // Not cleared when the call ends in time: that is rare, and then nothing is left to do.
    setTimeout(end, ms).unref();
  }
}

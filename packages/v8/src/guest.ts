import { type Bounds, type HostCalls, type LogLevel, NOT_STARTED } from "extruntime/engine";
import { DISPATCHER_FILE, dispatcher, ENTRY } from "./dispatcher.ts";
import { disposed, ended, enter, leave, neverEnds, started } from "./exit.ts";
import { type HostAnswers, HostDesk } from "./host-desk.ts";
import type { Context, Isolate, IsolatedVm, Reference } from "./isolated-vm.ts";
import { outOfMemory, withoutDispatcher } from "./outcome.ts";
import { type Steps, step } from "./steps.ts";
import { Turns } from "./turns.ts";

export interface GuestOptions {
  /** Megabytes of the isolate's heap and buffers together. */
  readonly memoryMb: number;
  /** Whether the guest has `Intl`. */
  readonly intl: boolean;
  /** The host functions that the guest may call. */
  readonly host: HostCalls | undefined;
  readonly bounds: Bounds;
  log(level: LogLevel, message: string): void;
  /** Told when V8 gave up on the isolate. */
  onLost(): void;
}

/** Waits for something that was sent to the isolate. Is told once. */
export interface Waiter {
  /** Number of the call; 0 for what is none. */
  readonly ticket: number;
  /** Set by the guest before it tells. */
  settled: boolean;
  succeed(result: unknown): void;
  /** With `NOT_STARTED` where the isolate ended before its turn. */
  fail(error: unknown): void;
}

/** Guests that were given up and that V8 has not ended yet, over the process. Each may hold a thread and a core. */
let strays = 0;
/** Past so many, what is given up is waited for, so that pools with such guests slow down before the machine does. */
const MOST_STRAYS = 32;

/**
 * One isolate with one context and the dispatcher in it. What is sent to it runs in order, one at a time, on a thread of
 * isolated-vm's, unless it is called through a `Sync` function. This object is used on one thread of Node's only.
 */
export class Guest {
  readonly isolate: Isolate;
  /** Where it asks for host functions, if it may. */
  readonly desk: HostDesk | undefined;
  readonly #options: GuestOptions;
  #entries: Reference | undefined;
  #take: Reference | undefined;
  #deliver: Reference | undefined;
  /** Why it was killed, that it was lost, or that its memory ended. */
  #failure: unknown;
  /** Of what was sent, in order: the first one's operation is the one that runs. */
  readonly #waiters: Waiter[] = [];
  readonly #turns = new Turns();
  /** Whose operation ran when the guest ended. */
  #culprit: Waiter | undefined;
  /** Sent and not ended by isolated-vm. */
  #unended = 0;
  #stray = false;
  /** Where the guest was told that it runs. It is told where that changes. */
  #here = false;

  constructor(vm: IsolatedVm, options: GuestOptions) {
    this.#options = options;
    this.desk = options.host === undefined ? undefined : new HostDesk(options.host);
    this.isolate = new vm.Isolate({ memoryLimit: options.memoryMb, onCatastrophicError: () => this.#lost() });
  }

  /** Makes the context, and puts the dispatcher in, before any guest code. */
  *prepare(vm: IsolatedVm): Steps<Context> {
    const context = yield* step({
      later: () => this.isolate.createContext(),
      now: () => this.isolate.createContextSync(),
    });
    const { bounds, intl, log } = this.#options;
    const now = (level = "", text = "") => log(level as LogLevel, withoutDispatcher(text).trimEnd());
    const later = (level = "", text = "") => {
      this.#turns.heard();
      now(level, text);
    };
    const { desk } = this;
    this.#entries = context.evalClosureSync(
      dispatcher({ intl, hosted: desk !== undefined, bounds }),
      [
        new vm.Callback(later, { ignored: true }),
        new vm.Callback(now, { sync: true }),
        new vm.ExternalCopy(this.#turns.memory).copyInto(),
        ...(desk === undefined ? [] : ears(vm, desk)),
      ],
      { filename: DISPATCHER_FILE, result: { reference: true } },
    );
    this.#take = this.entry("take");
    if (desk !== undefined) this.#deliver = this.entry("deliver");
    return context;
  }

  /** It must not run guest code any more: it was killed, ran out of memory, or V8 gave up on it. */
  get broken(): boolean {
    return this.#failure !== undefined;
  }

  entry(name: keyof typeof ENTRY): Reference {
    return this.#entries!.getSync(ENTRY[name], { reference: true });
  }

  /** The dispatcher's entry for answers that wait in the guest. */
  get take(): Reference {
    return this.#take!;
  }

  /** Sends the host's answers to a call that waits for them, and runs what the guest does with them. The outcome is for `take`. */
  deliver(ticket: number, answers: HostAnswers): void {
    const told = { ticket, settled: false, succeed: () => {}, fail: () => {} };
    this.submit(this.#deliver!.apply(undefined, [ticket, ...answers]), told);
  }

  /** Why it is broken. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Its thread waits for this one, and would for ever if the process exits. */
  get waits(): boolean {
    return this.#turns.waits;
  }

  /** Guest code runs on this thread from here to `leave`, while nothing else runs in the isolate. */
  enter(): void {
    enter();
    if (this.#here) return;
    this.#here = true;
    this.#turns.setHere(true);
  }

  leave(): void {
    leave();
  }

  /** What is sent from here on runs off this thread. */
  goAway(): void {
    if (!this.#here) return;
    this.#here = false;
    this.#turns.setHere(false);
  }

  /** Has `waiter` told what becomes of something that was sent to the isolate just now. */
  submit(sent: Promise<unknown>, waiter: Waiter): void {
    if (this.#waiters.push(waiter) === 1) started(this);
    this.#unended++;
    sent.then(
      (result) => {
        this.#end();
        if (this.#settle(waiter)) waiter.succeed(result);
      },
      (error: unknown) => {
        this.#end();
        const explained = this.explain(error, waiter);
        if (this.#settle(waiter)) waiter.fail(explained);
      },
    );
  }

  /** The same with a promise, for what is not called often. */
  run<Result>(send: () => Promise<Result>): Promise<Result> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.goAway();
    return new Promise<Result>((resolve, reject) => {
      this.submit(send(), { ticket: 0, settled: false, succeed: (result) => resolve(result as Result), fail: reject });
    });
  }

  /**
   * Ends the guest for good. What runs fails with `reason` soon, wherever V8 is, and what has not started with
   * `NOT_STARTED`; the thread ends when V8 looks.
   */
  kill(reason: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    this.desk?.close();
    this.close();
    if (this.#unended === 0 || strays >= MOST_STRAYS) return;
    strays++;
    this.#stray = true;
    // What ended just now is on its way. The answers of two turns later are the ones that never come.
    setImmediate(() => setImmediate(() => this.#giveUp()));
  }

  close(): void {
    disposed();
    if (!this.isolate.isDisposed) this.isolate.dispose();
  }

  /** Takes back the calls after `running`, whose turn it is, up to `last`: they fail with `NOT_STARTED`. */
  takeBack(running: number, last: number): void {
    if (!this.#turns.takeBack(running, last)) return;
    for (const waiter of [...this.#waiters])
      if (waiter.ticket > running && this.#settle(waiter)) waiter.fail(NOT_STARTED);
  }

  /** Notes the end of the isolate's memory. Returns what an operation failed with: isolated-vm's error, or ours in its place. */
  explain(error: unknown, waiter?: Waiter): unknown {
    if (this.#failure === undefined) {
      if (!this.isolate.isDisposed) return error;
      // Nobody else disposes of it but isolated-vm, for that.
      disposed();
      this.#failure = outOfMemory(error);
    }
    return waiter === undefined || this.#isCulprit(waiter) ? this.#failure : NOT_STARTED;
  }

  #end(): void {
    this.#unended--;
    if (this.#unended > 0 || !this.#stray) return;
    this.#stray = false;
    strays--;
  }

  /** Whether the waiter is to be told, as it was not before. */
  #settle(waiter: Waiter): boolean {
    if (waiter.settled) return false;
    waiter.settled = true;
    const waiters = this.#waiters;
    while (waiters[0]?.settled) waiters.shift();
    if (waiters.length === 0) ended(this);
    return true;
  }

  /** Tells those who wait still. */
  #giveUp(): void {
    for (const waiter of [...this.#waiters]) {
      const error = this.#isCulprit(waiter) ? this.#failure : NOT_STARTED;
      if (this.#settle(waiter)) waiter.fail(error);
    }
  }

  /** Whether it was this one's operation that ran when the guest ended: the first that waits when that is asked first. */
  #isCulprit(waiter: Waiter): boolean {
    this.#culprit ??= this.#waiters[0];
    return waiter === this.#culprit;
  }

  /** V8 had no memory for what it cannot do without. The isolate's thread sleeps for ever. */
  #lost(): void {
    this.#failure ??= outOfMemory();
    this.desk?.close();
    neverEnds(this, this.isolate);
    this.#options.onLost();
    this.#giveUp();
  }
}

/** The functions by which the guest's `host` asks, as `host-caller.ts` names them. */
function ears(vm: IsolatedVm, desk: HostDesk): object[] {
  const ask = (number = 0, name = "", payload = "") => desk.ask(number, name, payload);
  const askHere = (name = "", payload = "") => desk.askHere(name, payload);
  return [
    new vm.Callback(ask, { ignored: true }),
    new vm.Callback(ask, { sync: true }),
    new vm.Callback(askHere, { sync: true }),
  ];
}

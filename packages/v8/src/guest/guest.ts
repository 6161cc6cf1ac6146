import { type Call, ExtensionError, type LogLevel, NOT_STARTED } from "extruntime/engine";
import { DISPATCHER_FILE, withoutDispatcher } from "../guest-javascript/index.ts";
import type { Context, Isolate, IsolatedVm, Reference } from "../isolate/isolated-vm.ts";
import { endWhenIdle } from "../process-end/idle-end.ts";
import { disposed, enter, leave } from "../process-end/process-exit.ts";
import { ended, neverEnds, started, strays } from "../process-end/running.ts";
import { dispatcher, ENTRY } from "./dispatcher.ts";
import type { GuestKind, GuestOwner } from "./guest-kind.ts";
import { type HostAnswers, HostCallMailbox } from "./host-call-mailbox.ts";
import { neverRan, outOfMemory, timedOut } from "./outcome.ts";
import { SharedCells } from "./shared-cells.ts";
import { type Watch, watchUntil } from "./sync-deadline.ts";
import { type Steps, step } from "./sync-or-async.ts";

/** Waits for something that was sent to the isolate. Is told of its end once. */
export interface Waiter {
  /** Number of the call; 0 for what is none. */
  readonly ticket: number;
  /** Set by the guest before it tells of the end. */
  settled: boolean;
  /** Set by the guest: which of the operations sent to it the waiter waits for, as one waiter may do so for one after another. */
  operation?: number;
  /** It waits for the host, and not for the isolate. */
  readonly outside?: boolean;
  /** It has the call's answer. */
  readonly answered?: boolean;
  /** Takes the call's answer, which comes before the end of the operation that it belongs to. */
  told?(answer: string): void;
  succeed(result: unknown): void;
  /** With `NOT_STARTED` where the isolate ended before its turn. */
  fail(error: unknown): void;
}

/** Strays past which what is given up is waited for, so that pools with such guests slow down before the machine does. */
const MOST_STRAYS = 32;

/**
 * One isolate with one context and the dispatcher in it. What is sent to it runs in order, one at a time, on a thread of
 * isolated-vm's, unless it is called through a `Sync` function. This object is used on one thread of Node's only.
 */
export class Guest {
  readonly isolate: Isolate;
  /** Where it asks for host functions, if it may. */
  readonly mailbox: HostCallMailbox | undefined;
  /** Says for which call it runs, or for which load. */
  speaker: () => Call | undefined = () => undefined;
  readonly #vm: IsolatedVm;
  readonly #kind: GuestKind;
  #owner: GuestOwner | undefined;
  #context: Context | undefined;
  #entries: Reference | undefined;
  #take: Reference | undefined;
  #deliver: Reference | undefined;
  /** Why it was killed, that it was lost, or that its memory ended. */
  #failure: unknown;
  /** Of what was sent, in order: isolated-vm does one after the other, and tells of their ends in that order. */
  readonly #waiters: Waiter[] = [];
  readonly #cells = new SharedCells();
  /** Operations that were sent. */
  #operations = 0;
  /** Sent and not ended by isolated-vm. */
  #unended = 0;
  /** The operation of the first waiter at the last look. */
  #seen: number | undefined;
  /** The isolate was asked for a sign. */
  #asked = false;
  /** Looks whether what runs on this thread is through in time. */
  #watch: Watch | undefined;
  /** Told when V8 has let go of it. */
  readonly #onGone: (() => void)[] = [];
  /** Where the guest was told that it runs. It is told where that changes. */
  #here = false;

  constructor(vm: IsolatedVm, kind: GuestKind) {
    this.#vm = vm;
    this.#kind = kind;
    this.mailbox = kind.hosted ? new HostCallMailbox() : undefined;
    this.isolate = new vm.Isolate({ memoryLimit: kind.memoryMb, onCatastrophicError: () => this.#lost() });
  }

  /** To be called once, before its code runs. */
  own(owner: GuestOwner): void {
    this.#owner = owner;
    if (owner.host !== undefined) this.mailbox?.open(owner.host);
  }

  /** Makes the context, and puts the dispatcher in, before any guest code. Where that was done already, returns the context. */
  *prepare(): Steps<Context> {
    if (this.#context !== undefined) return this.#context;
    const vm = this.#vm;
    const context = yield* step({
      later: () => this.isolate.createContext(),
      now: () => this.isolate.createContextSync(),
    });
    const { bounds, intl } = this.#kind;
    const now = (level = "", text = "") => this.#owner?.log(level as LogLevel, withoutDispatcher(text), this.speaker());
    const later = (level = "", text = "") => {
      this.#cells.heard();
      now(level, text);
    };
    const { mailbox } = this;
    this.#entries = context.evalClosureSync(
      dispatcher({ intl, hosted: mailbox !== undefined, bounds }),
      [
        new vm.Callback(later, { ignored: true }),
        new vm.Callback(now, { sync: true }),
        new vm.ExternalCopy(this.#cells.memory).copyInto(),
        new vm.Callback((ticket = 0, answer = "") => this.#told(ticket, answer), { ignored: true }),
        ...(mailbox === undefined ? [] : hostCallReferences(vm, mailbox)),
      ],
      { filename: DISPATCHER_FILE, result: { reference: true } },
    );
    this.#take = this.entry("take");
    if (mailbox !== undefined) this.#deliver = this.entry("deliver");
    this.#context = context;
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

  /** Sends the host's answers to a call that waits for them, and runs what the guest does with them. */
  deliver(ticket: number, answers: HostAnswers): Promise<unknown> {
    return this.#deliver!.apply(undefined, [ticket, ...answers]);
  }

  /** Why it is broken. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Its thread waits for this one, and would for ever if the process exits. */
  get waits(): boolean {
    return this.#cells.waits;
  }

  /** Guest code runs on this thread from here to `leave`, while nothing else runs in the isolate. */
  enter(): void {
    enter();
    if (this.#here) return;
    this.#here = true;
    this.#cells.setHere(true);
  }

  leave(): void {
    leave();
  }

  /** Runs something of the guest's on this thread. Where it is not through in time the guest is ended, and it fails with `ERR_EXT_TIMEOUT` as soon as V8 looks. */
  runUntil<Result>(deadline: number, run: () => Result): Result {
    if (deadline === Number.POSITIVE_INFINITY) return run();
    const watch = watchUntil(this.#vm, this.isolate, deadline);
    this.#watch = watch;
    let result: Result | undefined;
    let thrown: { readonly error: unknown } | undefined;
    try {
      result = run();
    } catch (error) {
      thrown = { error };
    }
    this.#watch = undefined;
    if (watch.stop()) this.kill(timedOut());
    // Before what was thrown: an isolate that is disposed of in the middle fails in words of isolated-vm's.
    if (this.#failure !== undefined) throw this.#failure;
    if (thrown !== undefined) throw thrown.error;
    return result as Result;
  }

  /** What is sent from here on runs off this thread. */
  goAway(): void {
    if (!this.#here) return;
    this.#here = false;
    this.#cells.setHere(false);
  }

  /** Whether a call has come to its turn. */
  hasStarted(ticket: number): boolean {
    return ticket <= this.#cells.started;
  }

  /** Has `waiter` told what becomes of something that was sent to the isolate just now. */
  submit(sent: Promise<unknown>, waiter: Waiter): void {
    if (this.#waiters.push(waiter) === 1) started(this);
    waiter.operation = ++this.#operations;
    this.#unended++;
    sent.then(
      (result) => {
        this.#ended();
        if (this.#settle(waiter)) waiter.succeed(result);
      },
      (error: unknown) => {
        this.#ended();
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

  /** Ends the guest for good. What runs fails with `reason` soon, wherever V8 is, and what has not started with `NOT_STARTED`; the thread ends when V8 looks. */
  kill(reason: unknown): void {
    if (this.#failure !== undefined) return;
    this.#cells.stop();
    this.#end(reason);
  }

  /** The same for the sake of one call. `false` where another one has its turn, and nothing is done then. */
  killCall(ticket: number, reason: unknown): boolean {
    if (this.#failure !== undefined || !this.#cells.stopAfter(ticket)) return false;
    this.#end(reason);
    return true;
  }

  /**
   * isolated-vm tells of the ends of operations in the order in which they were sent. So where one has not ended for long, another is sent
   * behind it: if that one ends first, what was before it is lost, and nobody waits for it any longer.
   */
  look(): void {
    const first = this.#waiters[0];
    const waited = first?.operation === this.#seen;
    this.#seen = first?.operation;
    if (first === undefined || first.outside || !waited || this.#asked || this.#failure !== undefined) return;
    const last = this.#operations;
    this.#asked = true;
    this.isolate
      .getHeapStatistics()
      .then(() => this.#replaceLost(last))
      .catch(() => {})
      .finally(() => {
        this.#asked = false;
      });
  }

  close(): void {
    disposed();
    try {
      if (!this.isolate.isDisposed) this.isolate.dispose();
    } catch {
      // Its deadline did so at the same moment.
    }
  }

  /** Takes back the calls after `running`, up to `last`: they fail with `NOT_STARTED`. `false` where `running` has not its turn. */
  takeBack(running: number, last: number): boolean {
    if (!this.#cells.takeBack(running, last)) return false;
    for (const waiter of [...this.#waiters])
      if (waiter.ticket > running && this.#settle(waiter)) waiter.fail(NOT_STARTED);
    return true;
  }

  /** Notes the end of the isolate's memory. Returns what an operation failed with: isolated-vm's error, or ours in its place. */
  explain(error: unknown, waiter?: Waiter): unknown {
    if (this.#failure === undefined) {
      // A watch says so before it disposes of the isolate, on another thread.
      if (!this.isolate.isDisposed && this.#watch?.fired !== true) return error;
      // Nobody else disposes of it but isolated-vm, for that.
      disposed();
      this.#cells.stop();
      this.#failure = this.#watch?.fired === true ? timedOut() : outOfMemory(error);
      // A call's payload may have been too much, before its turn.
      if (waiter !== undefined && !neverRan(error)) return this.#failure;
    }
    return waiter === undefined ? this.#failure : this.#reasonFor(waiter);
  }

  /** For one that has ended: resolves when V8 has let go of it. */
  gone(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#unended === 0) resolve();
      else this.#onGone.push(resolve);
    });
  }

  #end(reason: unknown): void {
    this.#failure = reason;
    this.mailbox?.close();
    this.close();
    if (this.#unended === 0) return;
    const patient = this.#kind.patient || strays.size >= MOST_STRAYS;
    strays.add(this);
    endWhenIdle();
    this.#owner?.onLeft(this);
    setImmediate(() => this.#giveUp(patient));
  }

  #ended(): void {
    this.#unended--;
    if (this.#unended > 0) return;
    strays.delete(this);
    for (const tell of this.#onGone.splice(0)) tell();
  }

  /** `last` is an operation before one that has ended. */
  #replaceLost(last: number): void {
    const silent = this.#waiters.filter(
      ({ outside, settled, operation }) => !outside && !settled && operation! <= last,
    );
    if (silent.length === 0) return;
    const error = new ExtensionError("ERR_EXT_CRASHED", "isolated-vm lost the end of an operation");
    for (const _ of silent) this.#ended();
    this.kill(error);
    for (const waiter of silent) {
      if (!this.#settle(waiter)) continue;
      if (waiter.answered) waiter.succeed(undefined);
      else waiter.fail(error);
    }
  }

  #told(ticket: number, answer: string): void {
    this.#waiters.find((waiter) => waiter.ticket === ticket)?.told?.(answer);
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

  /** Tells those who would wait for V8: what runs, unless `patient`, and what never will. Calls before it have ended, and their answers are on the way. */
  #giveUp(patient: boolean): void {
    const { started } = this.#cells;
    for (const waiter of [...this.#waiters]) {
      const { ticket } = waiter;
      const runs = ticket === 0 || ticket === started;
      if ((runs ? !patient : ticket > started) && this.#settle(waiter)) waiter.fail(this.#reasonFor(waiter));
    }
  }

  /** Where the guest has ended: what becomes of one who waits. */
  #reasonFor({ ticket }: Waiter): unknown {
    return this.hasStarted(ticket) ? this.#failure : NOT_STARTED;
  }

  /** V8 had no memory for what it cannot do without. The isolate's thread sleeps for ever. */
  #lost(): void {
    if (this.#failure === undefined) this.#cells.stop();
    this.#failure ??= outOfMemory();
    this.mailbox?.close();
    neverEnds(this, this.isolate);
    endWhenIdle();
    this.#owner?.onLost();
    // The first one's operation runs, though its call may not have come to its turn.
    const [first] = this.#waiters;
    if (first !== undefined && this.#settle(first)) first.fail(this.#failure);
    this.#giveUp(false);
  }
}

/** The functions by which the guest's `host` asks, as `host-caller.ts` names them. */
function hostCallReferences(vm: IsolatedVm, mailbox: HostCallMailbox): object[] {
  const ask = (number = 0, name = "", payload = "") => mailbox.ask(number, name, payload);
  const askHere = (name = "", payload = "") => mailbox.askHere(name, payload);
  return [
    new vm.Callback(ask, { ignored: true }),
    new vm.Callback(ask, { sync: true }),
    new vm.Callback(askHere, { sync: true }),
  ];
}

import { NOT_STARTED } from "../../contract/engine.ts";
import { ExtensionError } from "../../errors.ts";
import { errorFromJson } from "../wire/error.ts";
import { type Death, type Link, type LinkEvents, sentWrong } from "../wire/link.ts";
import { type Body, KIND } from "../wire/protocol.ts";
import { shown } from "../wire/shown.ts";
import { faultOfFrame } from "../wire/worker-frame.ts";
import { BlockedCallers } from "./calls/blocked-callers.ts";
import { CallRelief } from "./calls/call-relief.ts";
import { CallReports, NO_ERROR } from "./calls/call-reports.ts";
import { CallSender } from "./calls/call-sender.ts";
import { CallStopper } from "./calls/call-stopper.ts";
import { HeldCalls } from "./calls/held-calls.ts";
import type { ProgramHistory } from "./calls/program-history.ts";
import type { RemoteCall } from "./calls/remote-call.ts";
import { UnsentCalls } from "./calls/unsent-calls.ts";
import { WorkerSilence } from "./calls/worker-silence.ts";
import { ProgramReports } from "./program-reports.ts";
import { failHeld, lost, whichUntouched } from "./worker-end.ts";
import type { WorkerKeeper } from "./worker-keeper.ts";

export type WorkerKind = "thread" | "process";

/**
 * A worker thread or child process as the host sees it, with all the calls that it holds. Modules share it, so it is ended
 * only when a call that runs on its thread will not stop; what it held and had not started is handed back to the core.
 */
export class PlacedWorker implements LinkEvents {
  readonly kind: WorkerKind;
  readonly ready: Promise<void>;
  /** Programs that it has, and whether they are compiled. */
  readonly programs = new Map<number, Promise<string>>();
  /** Programs that it was sent, until it has closed them: what it says is of one of these, whatever a frame says. */
  readonly served = new Set<number>();
  /** Instances that live in it, or are being made. */
  instances = 0;
  /** The one program whose instances it holds, where programs do not share workers. */
  owner: number | undefined;
  /** Who makes an instance in it: it is not to be taken away. */
  holds = 0;
  /** When it last had a call, on the clock of `performance.now()`. */
  idleSince = performance.now();
  /** Of the programs of these, once for each. */
  readonly guests: ProgramHistory[] = [];
  /** Holds one instance only, for a module whose limits are the worker's. */
  exclusive = false;
  /** It has answered a call of a guest. */
  answered = false;
  readonly #link: Link;
  readonly #keeper: WorkerKeeper;
  readonly #held: HeldCalls;
  readonly #unsent: UnsentCalls;
  readonly #silence: WorkerSilence;
  readonly #sender: CallSender;
  readonly #answers: CallReports;
  readonly #relief: CallRelief;
  readonly #stopper: CallStopper;
  readonly #reports: ProgramReports;
  readonly #blocked: BlockedCallers;
  /** It keeps this process running. */
  #holdsHost = false;
  #isReady = false;
  /** It sent what cannot be. */
  #faulty = false;
  #state: "starting" | "serving" | "retiring" | "dead" = "starting";
  #expected = false;
  #started!: { resolve: () => void; reject: (error: unknown) => void };

  /**
   * @param softAbort the engine can stop its guests by itself, at least some.
   * @param parallel it runs them on threads of its own.
   */
  constructor(
    kind: WorkerKind,
    softAbort: boolean,
    keeper: WorkerKeeper,
    connect: (events: LinkEvents) => Link,
    parallel = false,
  ) {
    this.kind = kind;
    this.#keeper = keeper;
    this.ready = new Promise((resolve, reject) => {
      this.#started = { resolve, reject };
    });
    // Whoever wants the worker sees it; a spare that fails to start is nobody's call.
    this.ready.catch(() => {});
    this.#link = connect(this);
    this.#held = new HeldCalls(parallel);
    this.#unsent = new UnsentCalls(this.#held);
    this.#silence = new WorkerSilence(this.#link, this.#held, keeper.patience);
    this.#sender = new CallSender(this.#link, this.#held, this.#unsent, this.#silence);
    this.#answers = new CallReports(this, this.#link, this.#held, this.#silence);
    this.#relief = new CallRelief(this, this.#link, this.#held, this.#unsent, this.#silence);
    this.#stopper = new CallStopper(this, keeper, this.#link, this.#held, softAbort);
    this.#reports = new ProgramReports(this, keeper, this.#link, this.#held);
    this.#blocked = new BlockedCallers(this, this.#link, this.#silence, this.#stopper, softAbort);
    this.#link.hold(false);
  }

  /** As `ready`, and this process does not end before. */
  async whenReady(): Promise<void> {
    if (this.#state === "starting") this.#hold(true);
    try {
      await this.ready;
    } finally {
      if (this.load === 0) this.#hold(false);
      // What a caller that blocks this thread has sent meanwhile.
      else this.#keeper.busy();
    }
  }

  /** The same for a caller that blocks its thread. */
  waitUntilReady(deadline: number): void {
    if (this.#state === "starting") this.#link.waitFor!(() => this.#state !== "starting", deadline);
    if (this.#state === "serving") return;
    if (this.#state === "starting")
      throw new ExtensionError("ERR_EXT_TIMEOUT", `the call's time was up while its ${this.kind} started`);
    throw new ExtensionError("ERR_EXT_CRASHED", `its ${this.kind} did not start`);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Calls that it holds. */
  get load(): number {
    return this.#held.load;
  }

  /** Takes no more calls. */
  get closed(): boolean {
    return this.#state === "retiring" || this.#state === "dead";
  }

  get dead(): boolean {
    return this.#state === "dead";
  }

  /** It was told to end, and is gone soon. */
  get ending(): boolean {
    return this.#expected && this.#state !== "dead";
  }

  /** It takes no more calls, and a call that nobody waits for holds its thread: the others of it may end yet. */
  get lingering(): boolean {
    return this.#stopper.lingering;
  }

  get gone(): Promise<void> {
    return this.#link.gone;
  }

  get blocksHost(): boolean {
    return this.#blocked.count > 0;
  }

  /** Calls are being taken back: those sent meanwhile would overtake them. */
  get takingBack(): boolean {
    return this.#relief.active;
  }

  /** Calls wait here that it has not been sent. */
  get keepsWaiting(): boolean {
    return this.#unsent.length > 0;
  }

  /** It runs nothing and has nothing to run. */
  get isQuiet(): boolean {
    return this.#held.sharing?.isQuiet === true && this.#unsent.length === 0;
  }

  /** It gave no sign for a while though it holds calls, and did not lack a processor. */
  get stalled(): boolean {
    return this.#state !== "starting" && this.#silence.isLong;
  }

  /** It is held up, and calls that wait there would rather run elsewhere. */
  get wantsRelief(): boolean {
    return this.stalled && (this.load + this.#unsent.length > 1 || this.#silence.isLongForOne);
  }

  /** Sends what is answered by `done` or `failed`. A caller that blocks its thread goes first. */
  ask(call: RemoteCall, kind: number, flags: number, number: number, target: number, body: Body): void {
    if (this.closed) {
      queueMicrotask(() => call.fail(NOT_STARTED, false));
      return;
    }
    this.#busy();
    const sent = this.#sender.ask(call, kind, flags, number, target, body);
    if (!sent && call.apart && this.#unsent.first === call) queueMicrotask(() => this.#sendAway());
  }

  /** Sends what is not answered. */
  tell(kind: number, target: number, body: Body = ""): void {
    if (this.#state === "dead") return;
    this.#link.send(kind, 0, 0, 0, target, 0, body);
    this.#link.flushSoon();
  }

  /** What comes from it may have frames of so many bytes. */
  allow(mostBytes: number): void {
    this.#link.allow?.(mostBytes);
  }

  sendProbe(probe: RemoteCall): boolean {
    this.#busy();
    return this.#sender.probe(probe);
  }

  #busy(): void {
    if (this.#holdsHost) return;
    this.#hold(true);
    this.#keeper.busy();
  }

  /** Sends calls that have waited here for others to end. */
  #admit(): void {
    if (this.#unsent.length === 0) return;
    this.#unsent.admit(() => this.closed);
    if (this.load > 0) this.#busy();
  }

  #sendAway(): void {
    if (this.#relief.sendAway()) this.#admit();
  }

  /** As {@link BlockedCallers.wait}. */
  waitFor(call: RemoteCall, orLater: boolean, until?: number): void {
    this.#blocked.wait(call, orLater, until);
  }

  /** Makes a call end. What else the worker holds goes on, where that is possible at all. */
  abort(call: RemoteCall): void {
    if (call.settled) return;
    // What its guest has printed so far is heard before its caller is answered.
    this.hear();
    if (call.settled) return;
    if (call.key === 0) {
      this.#unsent.remove(call);
      call.fail(NOT_STARTED, false);
      return;
    }
    this.#link.withdraw([call.key], ([withdrawn]) => {
      if (call.settled) return;
      // Its slot stays taken until the worker has passed it over.
      call.started = !withdrawn;
      if (withdrawn) call.fail(NOT_STARTED, false);
      else this.#stopper.stop(call);
    });
  }

  /** Takes what it has said, though nothing has announced it yet. */
  hear(): void {
    if (this.#state !== "dead") this.#link.poll();
  }

  /** For the keeper, once in a while. Marks a worker that gave no sign since the last time. */
  look(): void {
    if (this.#state === "dead") return;
    if (this.load > 0) this.#link.poll();
    this.#silence.look();
    if (this.load === 0 && this.#state !== "starting") this.#hold(false);
    this.#silence.follow();
    // By what was left behind, perhaps, by a call that has its answer.
    if (this.stalled && this.#silence.isToBeAsked) this.#silence.ask(() => this.handBack(true));
    if (this.#unsent.length > 0 && !this.takingBack) {
      this.#sendAway();
      this.#admit();
    }
  }

  /** As {@link CallRelief.handBack}. */
  handBack(orEnd = false): void {
    this.#relief.handBack(orEnd);
  }

  canBeAlone(history: ProgramHistory): boolean {
    return this.#keeper.canBeAlone(this, history);
  }

  /** Takes no more calls, and ends when the ones that it holds have ended. */
  retire(): void {
    if (this.#state === "dead") return;
    this.#state = "retiring";
    this.endIfRetired();
  }

  endIfRetired(): void {
    if (this.#state === "retiring" && this.#held.unsettled().length === 0) this.kill("was not needed any more");
  }

  kill(how: string): void {
    this.#expected = true;
    if (this.#state === "dead") return;
    this.#state = "retiring";
    this.#link.kill(how);
  }

  /** At the end of a worker it is only marked: the end is told of already. */
  giveUp(how: string): void {
    this.#faulty = true;
    if (this.#state !== "dead") this.#link.giveUp(how);
  }

  /** Whatever comes: it never throws, and a worker that sends what cannot be is ended. */
  frame(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void {
    if (this.#faulty) return;
    this.#silence.broken();
    try {
      const fault =
        faultOfFrame(kind, flags, number, key, target, time, body) ??
        this.#take(kind, flags, number, key, target, time, body as string);
      if (fault !== undefined) this.giveUp(sentWrong(fault));
    } catch (error) {
      this.giveUp(`was ended, since a frame of it could not be handled: ${shown(error)}`);
    }
  }

  /** The same for a frame that was only looked at: what is wrong with it is nobody's fault. */
  early(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void {
    if (kind === KIND.hostCall || (kind === KIND.log && !this.#reports.isNextLine(key))) return;
    if (faultOfFrame(kind, flags, number, key, target, time, body) === undefined)
      this.frame(kind, flags, number, key, target, time, body);
  }

  ended(death: Death): void {
    this.#state = "dead";
    this.#faulty ||= death.fault === true;
    if (!this.#faulty) this.#link.poll();
    const held = this.#held.unsettled();
    const unstarted = this.#faulty ? [] : this.#link.takeUnstarted(held.map((call) => call.key));
    if (!this.#faulty) this.#link.poll();
    const untouched = this.#faulty ? held.map(() => false) : whichUntouched(held, unstarted, this.#expected);
    // The first of them is next to run.
    if (!this.#expected && held.length > 0 && untouched.every(Boolean) && this.#keeper.isUnexplained(this))
      untouched[untouched.length - 1] = false;
    failHeld(this.kind, death, held, untouched);
    this.#held.clear();
    this.#stopper.end();
    for (const call of this.#unsent.takeAll()) call.fail(NOT_STARTED, false);
    if (!this.#isReady) this.#started.reject(lost(this.kind, death, false));
    this.#keeper.ended(this, this.#expected);
  }

  /** Returns what is wrong with a frame that a worker could send, but not this one, or not now. */
  #take(
    kind: number,
    flags: number,
    number: number,
    key: number,
    target: number,
    time: number,
    body: string,
  ): string | undefined {
    if (kind === KIND.log) return this.#reports.line(number, key, target, time, body);
    if (kind === KIND.hostCall) return this.#reports.hostCall(flags, number, key, target, time, body);
    if (kind === KIND.closed) return this.#reports.closed(target);
    if (kind === KIND.began) return this.#answers.began(key);
    return key === 0 ? this.#onStart(kind, body) : this.#answers.take(kind, flags, key, time, body);
  }

  #onStart(kind: number, body: string): string | undefined {
    if (this.#state === "dead") return undefined;
    if (this.#isReady || (kind !== KIND.ready && kind !== KIND.failed)) return `a frame of kind ${kind} without a call`;
    if (kind === KIND.ready) {
      this.#isReady = true;
      if (this.#state === "starting") this.#state = "serving";
      this.#started.resolve();
      return undefined;
    }
    const error = errorFromJson(body);
    if (error === undefined) return NO_ERROR;
    this.#started.reject(this.#link.explain?.(error) ?? error);
    this.kill("could not make its engine");
    return undefined;
  }

  began(key: number): void {
    this.#answers.seemsBegun(key);
  }

  freed(): void {
    if (this.load === 0) {
      this.idleSince = performance.now();
      this.#keeper.idle(this);
    }
    // Sent now, it would overtake those that are being taken back.
    if (!this.takingBack) this.#admit();
    this.endIfRetired();
  }

  /** Let go only by `look`, since a call may follow the last one at once. */
  #hold(holds: boolean): void {
    if (this.#holdsHost === holds || this.#state === "dead") return;
    this.#holdsHost = holds;
    this.#link.hold(holds);
  }
}

import { WaitQueue } from "../../call/wait-queue.ts";
import { NOT_STARTED, UNLIMITED } from "../../contract/engine.ts";
import { ExtensionError } from "../../errors.ts";
import { GREATEST_KEY, nextKey, SLOTS, slotOf, wasBefore } from "../wire/call-states.ts";
import { errorFromJson } from "../wire/error.ts";
import { type Death, type Link, type LinkEvents, sentWrong } from "../wire/link.ts";
import { heldBy, type ProcessorUse } from "../wire/processor-use.ts";
import { type Body, FLAG, KIND, LOG_LEVELS, nextLine, timeLeft } from "../wire/protocol.ts";
import { shown } from "../wire/shown.ts";
import { faultOfFrame } from "../wire/worker-frame.ts";
import { FlushPolicy } from "./flush-policy.ts";
import type { ProgramHistory } from "./program-history.ts";
import { type Patience, RemoteCall, Unsent } from "./remote-call.ts";
import { patientUntil, ThreadSharing } from "./thread-sharing.ts";

export type WorkerKind = "thread" | "process";

/** What a worker tells whoever keeps it. */
export interface WorkerKeeper {
  /** Output of a guest. */
  log(program: number, level: (typeof LOG_LEVELS)[number], message: string): void;
  /** A guest calls a host function, by its index in the manifest. `now`: the guest blocks its thread, so a host function that returns a promise fails. `undefined`: there is none of that index. */
  hostCall(program: number, index: number, payload: string, now: boolean): string | Promise<string> | undefined;
  /** A program is closed in the worker: nothing comes of it any more. */
  closed(program: number): void;
  /**
   * It ended by itself with calls of which none is known to have begun. Whether that was so too often: a guest can have the file in which they are noted
   * say so, and the call that ends its process would be tried again for ever.
   */
  isUnexplained(worker: PlacedWorker): boolean;
  /** It holds no call any more. */
  idle(worker: PlacedWorker): void;
  /** It has ended; `expected` where it was told to. */
  ended(worker: PlacedWorker, expected: boolean): void;
  /** It holds calls again. */
  busy(): void;
  /** Whether one more may linger. */
  mayLinger(): boolean;
  /** Whether a call that would have to be alone on this worker's thread can be so on another one's, or soon can. */
  canBeAlone(worker: PlacedWorker, history: ProgramHistory): boolean;
  /** With workers that read long payloads. */
  readonly patience: Patience;
}

/** Looks without a sign from a worker that holds calls, until it counts as held up. */
const SILENT_LOOKS = 3;
/** The same, until a call that waits there alone is taken back: its worker may only lack a processor. */
const SILENT_LOOKS_ALONE = 10;
/** Looks between questions whether a worker that runs no call at all is held: by what was left behind by one that has its answer. */
const ABANDONED_LOOKS = 100;
/** How often more a thread must be seen to be held, as {@link heldBy} counts, where the making of a program or an instance would be done again. */
const REPEATED_HELD = 3;
/** Bytes of calls that a worker has taken and not begun, for which it may be silent one look longer: strings are made of them, and it may have to wait for a processor. */
const BYTES_PER_LOOK = 1 << 17;
/** Where that was too few again and again, the most that is waited instead. */
const MOST_PATIENCE = 64;
/** Milliseconds that a caller blocks its thread for a sign from a worker that has not begun its call. */
const SILENT_MS = 1000;
/** Milliseconds that an engine which can stop its guests by itself has for it, before its worker is ended. */
const GRACE_MS = 50;
/** The same for an asynchronous call: the worker serves others meanwhile. */
const LATER_GRACE_MS = 1000;
/** Milliseconds that a call which nobody waits for may hold a thread that has asynchronous calls of others: it may still end. */
const SPARE_MS = 1000;
/** The same where it is not known that it holds the thread, and another call may do so with good reason. */
const LONG_MS = 30_000;
/** Where no instance lives: a call to it is answered by whoever is there to answer. */
const NOBODY = 0;

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
  /** It takes no more calls, and a call that nobody waits for holds its thread: the others of it may end yet. */
  lingering = false;
  /** Holds one instance only, for a module whose limits are the worker's. */
  exclusive = false;
  /** It has answered a call of a guest. */
  answered = false;
  /** It gave no sign for a while though it holds calls. */
  stalled = false;
  /** Calls are being taken back: those sent meanwhile would overtake them. */
  takingBack = false;
  #link: Link;
  readonly #keeper: WorkerKeeper;
  /** The engine can stop its guests by itself, at least some. */
  readonly #softAbort: boolean;
  /** By the slots of their keys. */
  readonly #calls: (RemoteCall | undefined)[] = [];
  #load = 0;
  /** Where calls run on the worker's own thread. */
  readonly #sharing: ThreadSharing | undefined;
  /** Of these, asynchronous calls of guests that have returned their promise. */
  #laters = 0;
  readonly #flushPolicy = new FlushPolicy();
  #held = false;
  /** The key that each slot had last. */
  readonly #lastKeys: number[] = [];
  /** Number of the last line of output. */
  #line = 0;
  #isReady = false;
  /** It sent what cannot be. */
  #faulty = false;
  /** Keys last used, of slots that are free. */
  readonly #freeKeys: number[] = [];
  #slots = 0;
  #sent = 0;
  /** Calls for which there was no key, or that may not share the thread with those which it has. Those that end meanwhile leave. */
  readonly #waiting = new WaitQueue<Unsent>();
  #state: "starting" | "serving" | "retiring" | "dead" = "starting";
  #expected = false;
  #frames = 0;
  #framesAtLook = 0;
  #takenAtLook = 0;
  /** Bytes of the calls that it holds and has not begun. */
  #bytes = 0;
  /** Looks without a sign. Below zero: those that it may need for what it has taken. */
  #silentLooks = 0;
  /** That it holds up calls now. */
  #silence: Silence | undefined;
  /** Looks after a worker that takes no more calls. */
  #lingered: NodeJS.Timeout | undefined;
  /** Callers that block this thread until it answers, each called by the one before. */
  #blocked = 0;
  #started!: { resolve: () => void; reject: (error: unknown) => void };

  /** @param parallel the engine runs guests on threads of its own. */
  constructor(
    kind: WorkerKind,
    softAbort: boolean,
    keeper: WorkerKeeper,
    connect: (events: LinkEvents) => Link,
    parallel = false,
  ) {
    this.kind = kind;
    this.#sharing = parallel ? undefined : new ThreadSharing();
    this.#softAbort = softAbort;
    this.#keeper = keeper;
    this.ready = new Promise((resolve, reject) => {
      this.#started = { resolve, reject };
    });
    // Whoever wants the worker sees it; a spare that fails to start is nobody's call.
    this.ready.catch(() => {});
    this.#link = connect(this);
    this.#link.hold(false);
  }

  /** As `ready`, and this process does not end before. */
  async whenReady(): Promise<void> {
    if (this.#state === "starting") this.#hold(true);
    try {
      await this.ready;
    } finally {
      if (this.#load === 0) this.#hold(false);
    }
  }

  /** The same for a caller that blocks its thread. */
  waitUntilReady(deadline: number): void {
    if (this.#state === "starting") this.#link.waitFor!(() => this.#state !== "starting", deadline);
    if (this.#state === "serving") return;
    throw new ExtensionError("ERR_EXT_CRASHED", `its ${this.kind} did not start`);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get load(): number {
    return this.#load;
  }

  /** Takes no more calls. */
  get closed(): boolean {
    return this.#state === "retiring" || this.#state === "dead";
  }

  /** It was told to end, and is gone soon. */
  get ending(): boolean {
    return this.#expected && this.#state !== "dead";
  }

  get gone(): Promise<void> {
    return this.#link.gone;
  }

  /** Sends what is answered by `done` or `failed`. */
  ask(call: RemoteCall, kind: number, flags: number, number: number, target: number, body: Body): void {
    if (this.closed) {
      queueMicrotask(() => call.fail(NOT_STARTED, false));
      return;
    }
    const key = this.#mayBegin(call, flags) ? this.#takeKey() : undefined;
    if (key !== undefined) {
      this.#send(call, key, kind, flags, number, target, body);
      return;
    }
    call.unsent = new Unsent(call, patientUntil(call), (later) =>
      this.#send(call, later, kind, flags, number, target, body),
    );
    this.#waiting.push(call.unsent);
    if (call.apart && this.#waiting.first === call.unsent) queueMicrotask(() => this.#sendAway());
  }

  /** Calls wait here that it has not been sent. */
  get keepsWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether it runs nothing and has nothing to run. */
  get isQuiet(): boolean {
    return this.#sharing?.isQuiet === true && this.#waiting.length === 0;
  }

  /** A caller that blocks its thread goes first. */
  #mayBegin(call: RemoteCall, flags: number): boolean {
    if (this.#sharing === undefined || call.guest === undefined || (flags & FLAG.sync) !== 0) return true;
    return this.#waiting.length === 0 && this.#sharing.mayJoin(call);
  }

  /** Sends calls that have waited here for others to end. */
  #admit(): void {
    for (let first = this.#waiting.first; first !== undefined; first = this.#waiting.first) {
      if (this.#sharing?.mayJoin(first.call) === false && performance.now() < first.until) return;
      const key = this.#takeKey();
      if (key === undefined) return;
      this.#waiting.remove(first);
      first.call.unsent = undefined;
      if (this.closed) this.#handOver(first.call, key);
      else first.send(key);
    }
  }

  #handOver(call: RemoteCall, key: number): void {
    this.#freeKeys.push(key);
    call.fail(NOT_STARTED, false);
  }

  /** The first call that waits here for others, which wait for the host themselves, is handed back where it can begin elsewhere, with those of its instance. */
  #sendAway(): void {
    const first = this.#waiting.first?.call;
    if (first?.guest === undefined || this.takingBack || this.#sharing?.mayJoin(first) !== false) return;
    const { guest } = first;
    const waits = (call: RemoteCall | undefined) => call?.later === true && !call.settled && call.guest !== guest;
    if (!this.#calls.some(waits) || !this.#keeper.canBeAlone(this, guest.history)) return;
    guest.history.wasCrowded();
    const away: RemoteCall[] = [];
    for (let unsent = this.#waiting.first; unsent !== undefined; ) {
      const next = unsent.next as Unsent | undefined;
      if (unsent.call.guest === guest) {
        this.#waiting.remove(unsent);
        away.push(unsent.call);
      }
      unsent = next;
    }
    this.takingBack = true;
    const last = away.pop();
    for (const call of away) call.fail(NOT_STARTED, true);
    this.takingBack = false;
    last?.fail(NOT_STARTED, true);
    this.#admit();
  }

  #send(call: RemoteCall, key: number, kind: number, flags: number, number: number, target: number, body: Body): void {
    call.key = key;
    call.place = ++this.#sent;
    if (!this.#held) {
      this.#hold(true);
      this.#keeper.busy();
    }
    this.#calls[slotOf(key)] = call;
    this.#lastKeys[slotOf(key)] = key;
    this.#load++;
    this.#sharing?.add(call);
    if (this.#flushPolicy.isDue(this.#load)) flags |= FLAG.prompt;
    const { given } = this.#link;
    this.#link.send(kind, flags, number, key, target, timeLeft(call.limits.deadline), body);
    call.bytes = this.#link.given - given;
    this.#bytes += call.bytes;
    if ((flags & FLAG.sync) === 0) this.#link.flushSoon();
  }

  /** What comes from it may have frames of so many bytes. */
  allow(mostBytes: number): void {
    this.#link.allow?.(mostBytes);
  }

  /** Sends what is not answered. */
  tell(kind: number, target: number, body: Body = ""): void {
    if (this.#state === "dead") return;
    this.#link.send(kind, 0, 0, 0, target, 0, body);
    this.#link.flushSoon();
  }

  /** Blocks until the call has ended, its deadline is over, or the worker has ended; with `orLater` also when the call has become asynchronous. */
  waitFor(call: RemoteCall, orLater: boolean): void {
    const deadline = call.limits.deadline + (this.#softAbort ? GRACE_MS : 0);
    const done = () => call.settled || (orLater && call.later);
    this.#blocked++;
    this.#listen();
    for (;;) {
      const look = performance.now() + SILENT_MS;
      this.#link.waitFor!(done, Math.min(deadline, look));
      if (done() || this.#state === "dead" || performance.now() >= deadline) break;
      if (this.#silence?.frames === this.#frames) this.#askWhatHolds();
      else this.#listen();
    }
    this.#silence = undefined;
    this.#blocked--;
  }

  /** Makes a call end. What else the worker holds goes on, where that is possible at all. */
  abort(call: RemoteCall): void {
    if (call.settled) return;
    // What its guest has printed so far is heard before its caller is answered.
    this.hear();
    if (call.settled) return;
    if (call.key === 0) {
      this.#takeUnsent(call);
      return;
    }
    this.#link.withdraw([call.key], ([withdrawn]) => {
      if (call.settled) return;
      // Its slot stays taken until the worker has passed it over.
      call.started = !withdrawn;
      if (withdrawn) call.fail(NOT_STARTED, false);
      else this.#stop(call);
    });
  }

  /** Takes what it has said, though nothing has announced it yet. */
  hear(): void {
    if (this.#state !== "dead") this.#link.poll();
  }

  /** For the keeper, once in a while. Marks a worker that gave no sign since the last time. */
  look(): void {
    if (this.#state === "dead") return;
    if (this.#load > 0) this.#link.poll();
    this.#countSilence();
    this.stalled = this.#state !== "starting" && this.#silentLooks >= SILENT_LOOKS;
    if (this.#load === 0 && this.#state !== "starting") this.#hold(false);
    if (this.#silentLooks <= 0) this.#silence = undefined;
    else if (this.#silentLooks >= SILENT_LOOKS && this.#silence === undefined) this.#listen();
    if (this.stalled && this.#silentLooks % ABANDONED_LOOKS === 0) this.#askWhatHolds();
    if (this.#waiting.length > 0 && !this.takingBack) {
      this.#sendAway();
      this.#admit();
    }
  }

  /** Takes note of what its thread has had of the processors so far. */
  #listen(): void {
    const silence: Silence = { since: performance.now(), frames: this.#frames, before: undefined, held: 0 };
    this.#silence = silence;
    this.#link.use((use) => {
      silence.before = use;
    });
  }

  /** Ends it where its thread, in a silence that lasts, is seen to be held, and by no call. */
  #askWhatHolds(): void {
    const silence = this.#silence;
    this.#link.use((now) => {
      if (silence?.before === undefined || silence !== this.#silence || silence.frames !== this.#frames) return;
      silence.held = heldBy(performance.now() - silence.since, silence.before, now);
      if (silence.held >= 1) this.handBack(true);
    });
  }

  /** A worker that is sent a long payload says nothing until it has read it: that it reads is a sign, and then it needs time. */
  #countSilence(): void {
    const { given, taken } = this.#link;
    // Who waits for the host, or a timer, gives no sign of itself.
    const sign = this.#load === this.#laters || this.#frames !== this.#framesAtLook || taken !== this.#takenAtLook;
    // What it has not taken comes after what it has.
    const toRead = Math.max(0, this.#bytes - (given - taken));
    const needed = Math.floor(toRead / BYTES_PER_LOOK) * this.#keeper.patience.factor;
    this.#silentLooks = sign ? -needed : Math.max(this.#silentLooks, -needed) + 1;
    this.#framesAtLook = this.#frames;
    this.#takenAtLook = taken;
  }

  /** It is held up, and calls that wait there would rather run elsewhere. */
  get wantsRelief(): boolean {
    return this.stalled && (this.#load + this.#waiting.length > 1 || this.#silentLooks >= SILENT_LOOKS_ALONE);
  }

  /**
   * Hands back all calls that have not started, so that other workers can serve them, in the order in which they came.
   * With `orEnd` the worker is ended where no call that anybody waits for holds its thread. The making of programs and
   * instances, which may be what holds it, is done again elsewhere.
   */
  handBack(orEnd = false): void {
    if (this.takingBack) return;
    this.#giveUpMakings();
    const held = this.#unsettled();
    const calls = held.filter((call) => !call.later && !call.started);
    const frames = this.#frames;
    if (calls.length === 0 && this.#waiting.length === 0 && !orEnd) return;
    const asked = new Set(calls);
    this.takingBack = true;
    this.#link.withdraw(
      calls.map((call) => call.key),
      (withdrawn) => {
        calls.forEach((call, index) => {
          call.started = !withdrawn[index];
        });
        // A sign of it, or a call that came meanwhile, which it may have begun by now: it is not held, or not known to be.
        const end = orEnd && this.#frames === frames && this.#unsettled().every((call) => this.#mayLose(call, asked));
        if (end) {
          for (const { repeatable } of this.#unsettled()) if (repeatable !== undefined) repeatable.factor *= 2;
          this.#state = "retiring";
          this.kill("was ended, since what a guest had left behind held it");
        }
        const back = calls.filter((_, index) => withdrawn[index]);
        for (let unsent = this.#waiting.shift(); unsent !== undefined; unsent = this.#waiting.shift())
          back.push(unsent.call);
        this.#learn(back.some(({ bytes }) => bytes >= BYTES_PER_LOOK) ? 2 : 1);
        const last = back.pop();
        for (const call of back) call.fail(NOT_STARTED, false);
        this.takingBack = false;
        last?.fail(NOT_STARTED, false);
        if (this.#state === "retiring") this.#endIfDone();
      },
    );
  }

  /**
   * A program or an instance that is made asynchronously is not finished while a guest blocks the thread, and a guest may wait for the host without
   * end. So it is made again in another worker. This one retires, since nobody uses what it still makes.
   */
  #giveUpMakings(): void {
    const held = this.#unsettled();
    if (!held.some((call) => isGuests(call) && call.started && !call.later)) return;
    const makings = held.filter(
      ({ later, repeatable }) =>
        later && repeatable !== undefined && this.#silentLooks >= SILENT_LOOKS_ALONE * repeatable.factor,
    );
    if (makings.length === 0) return;
    this.retire();
    for (const call of makings) {
      call.repeatable!.factor *= 2;
      call.fail(NOT_STARTED, false);
    }
  }

  /** Takes no more calls, and ends when the ones that it holds have ended. */
  retire(): void {
    if (this.#state === "dead") return;
    this.#state = "retiring";
    this.#endIfDone();
  }

  kill(how: string): void {
    this.#expected = true;
    if (this.#state === "dead") return;
    this.#state = "retiring";
    this.#link.kill(how);
  }

  /** Whatever comes: it never throws, and a worker that sends what cannot be is ended. */
  frame(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void {
    if (this.#faulty) return;
    this.#frames++;
    this.stalled = false;
    try {
      const fault =
        faultOfFrame(kind, flags, number, key, target, time, body) ??
        this.#take(kind, flags, number, key, target, time, body as string);
      if (fault !== undefined) this.#giveUp(sentWrong(fault));
    } catch (error) {
      this.#giveUp(`was ended, since a frame of it could not be handled: ${shown(error)}`);
    }
  }

  /** The same for a frame that was only looked at: what is wrong with it is nobody's fault. */
  early(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void {
    if (kind === KIND.hostCall || (kind === KIND.log && key !== nextLine(this.#line))) return;
    if (faultOfFrame(kind, flags, number, key, target, time, body) === undefined)
      this.frame(kind, flags, number, key, target, time, body);
  }

  ended(death: Death): void {
    this.#state = "dead";
    this.#faulty ||= death.fault === true;
    if (!this.#faulty) this.#link.poll();
    const held = this.#unsettled();
    const unstarted = this.#faulty ? [] : this.#link.takeUnstarted(held.map((call) => call.key));
    if (!this.#faulty) this.#link.poll();
    const untouched = held.map((call, index) => !this.#faulty && this.#isUntouched(call, unstarted[index] === true));
    // The first of them is next to run.
    if (!this.#expected && held.length > 0 && untouched.every(Boolean) && this.#keeper.isUnexplained(this))
      untouched[untouched.length - 1] = false;
    // Of several asynchronous calls, any may have taken the memory.
    const several = untouched.filter((each) => !each).length > 1;
    held.forEach((call, index) => {
      call.fail(untouched[index] ? NOT_STARTED : this.#lost(death, call.later && several), true);
    });
    this.#calls.length = 0;
    this.#load = this.#laters = 0;
    this.#sharing?.clear();
    this.lingering = false;
    clearTimeout(this.#lingered);
    for (let unsent = this.#waiting.shift(); unsent !== undefined; unsent = this.#waiting.shift())
      unsent.call.fail(NOT_STARTED, false);
    if (!this.#isReady) this.#started.reject(this.#lost(death, false));
    this.#keeper.ended(this, this.#expected);
  }

  #isUntouched(call: RemoteCall, unstarted: boolean): boolean {
    return (unstarted && !call.later && !call.started) || (this.#expected && call.repeatable !== undefined);
  }

  /** At the end of a worker it is only marked: the end is told of already. */
  #giveUp(how: string): void {
    this.#faulty = true;
    if (this.#state !== "dead") this.#link.giveUp(how);
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
    if (kind === KIND.log) return this.#onLine(number, key, target, body);
    if (kind === KIND.hostCall) return this.#onHostCall(flags, number, key, target, body);
    if (kind === KIND.closed) return this.#onClosed(target);
    if (kind === KIND.began) return this.#onBegan(key);
    return key === 0 ? this.#onStart(kind, body) : this.#onCall(kind, flags, key, time, body);
  }

  /** Some come twice, from a journal and through a pipe; after a worker's end some may be missing between the two. */
  #onLine(level: number, line: number, program: number, text: string): string | undefined {
    const ahead = (line - this.#line + 0x7fff_ffff) % 0x7fff_ffff;
    if (ahead === 0 || ahead > 0x4000_0000) return undefined;
    if (!this.served.has(program)) return ofOther("a line", program);
    if (ahead > 1) {
      if (this.#state !== "dead") return `line ${line} after line ${this.#line}`;
      this.#keeper.log(program, "warn", dropped(ahead - 1));
    }
    this.#line = line;
    this.#keeper.log(program, LOG_LEVELS[level]!, text);
    return undefined;
  }

  /** A guest that blocks its thread, while this one waits for the worker, would wait for a promise for ever. A dead worker's call is not run: it may have been. */
  #onHostCall(flags: number, index: number, key: number, program: number, payload: string): string | undefined {
    if (this.#state === "dead") return undefined;
    if (!this.served.has(program)) return ofOther("a host call", program);
    const now = this.#blocked > 0 && (flags & FLAG.sync) !== 0;
    const answer = this.#keeper.hostCall(program, index, payload, now);
    if (answer === undefined) return `a call of host function ${index}, which the extension was not granted`;
    if (typeof answer === "string") this.#answerGuest(key, program, answer);
    else answer.then((text) => this.#answerGuest(key, program, text)).catch((error) => this.#cannotAnswer(error));
    return undefined;
  }

  #cannotAnswer(error: unknown): void {
    this.#giveUp(`was ended, since it could not be sent an answer: ${shown(error)}`);
  }

  #answerGuest(key: number, program: number, answer: string): void {
    if (this.#state === "dead") return;
    this.#link.send(KIND.hostAnswer, 0, 0, key, program, 0, answer);
    if (this.#blocked > 0) this.#link.flush();
    else this.#link.flushSoon();
  }

  #onClosed(program: number): string | undefined {
    if (!this.served.delete(program)) return ofOther("the close", program);
    this.#keeper.closed(program);
    return undefined;
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
    this.#started.reject(error);
    this.kill("could not make its engine");
    return undefined;
  }

  #onBegan(key: number): string | undefined {
    const call = this.#calls[slotOf(key)];
    if (call?.key === key) call.started = true;
    return undefined;
  }

  began(key: number): void {
    const call = this.#calls[slotOf(key)];
    if (call?.key === key) this.#hasRead(call);
  }

  #onCall(kind: number, flags: number, key: number, micros: number, body: string): string | undefined {
    const call = this.#calls[slotOf(key)];
    if (call === undefined || call.key !== key)
      return this.#answeredBefore(key) ? undefined : `an answer to call ${key}`;
    if (kind !== KIND.skipped) this.#hasRead(call);
    if (kind === KIND.later) {
      if (isGuests(call) && !call.later) this.#laters++;
      call.goOn();
      return undefined;
    }
    const broken = (flags & FLAG.broken) !== 0;
    if (kind === KIND.done) {
      this.answered ||= call.repeatable === undefined;
      call.succeed(body, broken, micros);
    } else if (kind === KIND.skipped) {
      call.fail(NOT_STARTED, broken);
    } else {
      const error = errorFromJson(body);
      if (error === undefined) return NO_ERROR;
      call.fail(error, broken);
    }
    this.#free(key);
    return undefined;
  }

  /** Answers may come twice, from a journal and through a pipe: the second time the slot may be another call's. */
  #answeredBefore(key: number): boolean {
    const last = this.#lastKeys[slotOf(key)];
    return last !== undefined && key <= GREATEST_KEY && (last === key || wasBefore(key, last));
  }

  /** A payload that was taken from one worker only to be late at the next, too, is left for longer there, and so on. */
  #learn(times: number): void {
    const { patience } = this.#keeper;
    patience.factor = Math.min(MOST_PATIENCE, Math.max(1, patience.factor * times));
  }

  /** There is nothing to read of the call any more. */
  #hasRead(call: RemoteCall): void {
    if (call.bytes >= BYTES_PER_LOOK && !call.settled) this.#learn(1 / 2);
    this.#bytes -= call.bytes;
    call.bytes = 0;
  }

  #free(key: number): void {
    const call = this.#calls[slotOf(key)]!;
    if (isGuests(call) && call.later) this.#laters--;
    this.#hasRead(call);
    this.#calls[slotOf(key)] = undefined;
    this.#load--;
    this.#sharing?.remove(call);
    if (this.#load === 0) {
      this.idleSince = performance.now();
      this.#keeper.idle(this);
    }
    this.#freeKeys.push(key);
    // Sent now, it would overtake those that are being taken back.
    if (!this.takingBack) this.#admit();
    if (this.#state === "retiring") this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#unsettled().length === 0) this.kill("was not needed any more");
  }

  #mayLose(call: RemoteCall, withdrawn: ReadonlySet<RemoteCall>): boolean {
    const { later, started, repeatable } = call;
    if (!later && !started) return withdrawn.has(call);
    return repeatable !== undefined && (this.#silence?.held ?? 0) >= REPEATED_HELD * repeatable.factor;
  }

  #takeUnsent(call: RemoteCall): void {
    if (call.unsent !== undefined) this.#waiting.remove(call.unsent);
    call.fail(NOT_STARTED, false);
  }

  /** In the order in which they were sent. */
  #unsettled(): RemoteCall[] {
    const calls = this.#calls.filter((call) => call !== undefined && !call.settled) as RemoteCall[];
    return calls.sort((a, b) => a.place - b.place);
  }

  /** Let go only by `look`, since a call may follow the last one at once. */
  #hold(held: boolean): void {
    if (this.#held === held || this.#state === "dead") return;
    this.#held = held;
    this.#link.hold(held);
  }

  /** A key for a call; `undefined` where the worker holds as many calls as it can. */
  #takeKey(): number | undefined {
    const used = this.#freeKeys.pop();
    if (used !== undefined) return nextKey(used);
    return this.#slots < SLOTS ? nextKey(this.#slots++) : undefined;
  }

  #stop(call: RemoteCall): void {
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
      if (call.later) this.#stop(call);
      else this.#freeThread(call);
    });
  }

  /**
   * Ends what a call holds that will not stop. Asynchronous calls of that thread would be lost with it: where there are any, the call is only
   * given up at first, and may end by itself.
   */
  #freeThread(call: RemoteCall): void {
    call.endless = true;
    const end = () => this.kill("was ended to stop a call whose time was up or that was aborted");
    if (this.#laters === 0 || this.closed || !this.#keeper.mayLinger()) {
      end();
      return;
    }
    this.lingering = true;
    this.#letGo(call);
    this.#lingered = setTimeout(() => {
      this.lingering = false;
      if (this.#calls[slotOf(call.key)] === call) end();
    }, SPARE_MS).unref();
  }

  #letGo(call: RemoteCall): void {
    call.fail(this.#notStopped(), true);
    this.retire();
    // What waits there for its instance would wait for ever.
    this.handBack();
  }

  /** Of a worker that takes no more calls: whether its thread still serves those that it has. */
  #probe(): void {
    const key = this.#state === "dead" ? undefined : this.#takeKey();
    if (key === undefined || this.#lingered !== undefined) return;
    const probe = new RemoteCall(UNLIMITED, undefined, { factor: Number.POSITIVE_INFINITY });
    this.#send(probe, key, KIND.call, 0, 0, NOBODY, "null");
    this.#lingered = setTimeout(() => {
      this.#lingered = undefined;
      if (probe.settled) this.#probe();
      else this.kill("was ended, since a call that was given up held it");
    }, LONG_MS).unref();
  }

  /** Where the engine cannot stop its guests there is nothing to wait for. */
  #afterGrace(call: RemoteCall, ms: number, then: () => void): void {
    if (!this.#softAbort) {
      then();
      return;
    }
    // Not cleared when the call ends in time: that is rare, and then nothing is left to do.
    setTimeout(() => call.settled || then(), ms).unref();
  }

  #notStopped(): ExtensionError {
    return new ExtensionError("ERR_EXT_TIMEOUT", "the call was given up");
  }

  #lost({ how, memory, cause }: Death, perhapsOther: boolean): ExtensionError {
    const code = memory && !perhapsOther ? "ERR_EXT_MEMORY" : "ERR_EXT_CRASHED";
    return new ExtensionError(code, `its ${this.kind} ${how}`, { cause });
  }
}

/** While a worker gives no sign of itself. */
interface Silence {
  /** On the clock of `performance.now()`. */
  readonly since: number;
  /** Frames that had come. */
  readonly frames: number;
  before: ProcessorUse | undefined;
  /** As {@link heldBy} counts. */
  held: number;
}

const NO_ERROR = "a failure whose error cannot be read";

function ofOther(what: string, program: number): string {
  return `${what} of program ${program}, which is not its own`;
}

function dropped(lines: number): string {
  return lines === 1 ? "1 line of output was dropped" : `${lines} lines of output were dropped`;
}

/** Not the making of a program or an instance, which may come to wait for others without a sign. */
function isGuests(call: RemoteCall): boolean {
  return call.repeatable === undefined;
}

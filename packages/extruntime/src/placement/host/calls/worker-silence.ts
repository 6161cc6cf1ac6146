import type { Link } from "../../wire/link.ts";
import { heldBy, ownMs, type ProcessorUse } from "../../wire/processor-use.ts";
import type { HeldCalls } from "./held-calls.ts";
import type { Patience, RemoteCall } from "./remote-call.ts";

/** Looks without a sign from a worker that holds calls, until it counts as held up. */
const SILENT_LOOKS = 3;
/** The same, until a call that waits there alone is taken back. */
export const SILENT_LOOKS_ALONE = 10;
/** Milliseconds of these looks in which its thread must not have waited for a processor: one that only lacks one is not held up. A little less than passes from the first of them to the last. */
const OWN_MS = 15;
const OWN_MS_ALONE = 75;
/** Looks between questions whether a worker that runs no call at all is held: by what was left behind by one that has its answer. */
const ABANDONED_LOOKS = 100;
/** Bytes of calls that a worker has taken and not begun, for which it may be silent one look longer: strings are made of them, and it may have to wait for a processor. */
const BYTES_PER_LOOK = 1 << 17;
/** Where that was too few again and again, the most that is waited instead. */
const MOST_PATIENCE = 64;

/** While a worker gives no sign of itself. */
interface Silence {
  /** When `before` was heard, on the clock of `performance.now()`: a process that lacks a processor answers late. */
  since: number;
  /** Frames that had come. */
  readonly frames: number;
  before: ProcessorUse | undefined;
  /** Of the time since, milliseconds that its thread did not wait for a processor. */
  ownMs: number;
  /** That is being asked. */
  asking: boolean;
  /** As {@link heldBy} counts. */
  held: number;
}

/** How long a worker that holds calls has given no sign of itself, and what holds it meanwhile. */
export class WorkerSilence {
  readonly #link: Pick<Link, "given" | "taken" | "use">;
  readonly #held: HeldCalls;
  /** With workers that read long payloads. */
  readonly #patience: Patience;
  #frames = 0;
  #framesAtLook = 0;
  #takenAtLook = 0;
  /** Bytes of the calls that it holds and has not begun. */
  #unreadBytes = 0;
  /** Looks without a sign. Below zero: those that it may need for what it has taken. */
  #looks = 0;
  /** That it holds up calls now. */
  #silence: Silence | undefined;

  constructor(link: Pick<Link, "given" | "taken" | "use">, held: HeldCalls, patience: Patience) {
    this.#link = link;
    this.#held = held;
    this.#patience = patience;
  }

  /** Frames that have come. */
  get frames(): number {
    return this.#frames;
  }

  /** Looks without a sign. */
  get looks(): number {
    return this.#looks;
  }

  /** Long enough for other calls there to be served elsewhere. */
  get isLong(): boolean {
    return this.#looks >= SILENT_LOOKS && this.#ownMs >= OWN_MS;
  }

  /** The same where only one waits there. */
  get isLongForOne(): boolean {
    return this.#looks >= SILENT_LOOKS_ALONE && this.#ownMs >= OWN_MS_ALONE;
  }

  get #ownMs(): number {
    return this.#silence?.ownMs ?? 0;
  }

  /** It lasts, and it is time to ask what holds the worker. */
  get isToBeAsked(): boolean {
    return this.#looks % ABANDONED_LOOKS === 0;
  }

  /** How often its thread was seen to be held, as {@link heldBy} counts. */
  get timesHeld(): number {
    return this.#silence?.held ?? 0;
  }

  /** A frame has come. */
  broken(): void {
    this.#frames++;
    this.#looks = Math.min(0, this.#looks);
  }

  /** The call's frame is on its way to the worker, which had been given so many bytes before. */
  sent(call: RemoteCall, given: number): void {
    call.bytes = this.#link.given - given;
    this.#unreadBytes += call.bytes;
  }

  /** There is nothing to read of the call any more. */
  hasRead(call: RemoteCall): void {
    if (isLongCall(call) && !call.settled) this.#learn(1 / 2);
    this.#unreadBytes -= call.bytes;
    call.bytes = 0;
  }

  /** These were taken back before they began. A payload that was taken from one worker only to be late at the next, too, is left for longer there, and so on. */
  tookBack(calls: readonly RemoteCall[]): void {
    this.#learn(calls.some(isLongCall) ? 2 : 1);
  }

  /** Once in a while. A worker that is sent a long payload says nothing until it has read it: that it reads is a sign, and then it needs time. */
  look(): void {
    const { given, taken } = this.#link;
    // Who waits for the host, or a timer, gives no sign of itself.
    const sign =
      this.#held.load === this.#held.laters || this.#frames !== this.#framesAtLook || taken !== this.#takenAtLook;
    // What it has not taken comes after what it has.
    const toRead = Math.max(0, this.#unreadBytes - (given - taken));
    const needed = Math.floor(toRead / BYTES_PER_LOOK) * this.#patience.factor;
    this.#looks = sign ? -needed : Math.max(this.#looks, -needed) + 1;
    this.#framesAtLook = this.#frames;
    this.#takenAtLook = taken;
  }

  /** To be told after `look`: the silence begins where there was no sign, and ends where there was. */
  follow(): void {
    if (this.#looks <= 0) this.#silence = undefined;
    else if (this.#silence === undefined) this.listen();
    else if (this.#looks >= SILENT_LOOKS && !this.isLongForOne) this.#askOwn(this.#silence);
  }

  #askOwn(silence: Silence): void {
    if (silence.asking) return;
    silence.asking = true;
    const passedMs = performance.now() - silence.since;
    this.#link.use((now) => {
      silence.asking = false;
      if (silence.before === undefined || silence !== this.#silence || silence.frames !== this.#frames) return;
      silence.ownMs = Math.max(silence.ownMs, ownMs(passedMs, silence.before, now));
    });
  }

  /** Takes note of what its thread has had of the processors so far. */
  listen(): void {
    const silence: Silence = {
      since: performance.now(),
      frames: this.#frames,
      before: undefined,
      ownMs: 0,
      asking: false,
      held: 0,
    };
    this.#silence = silence;
    this.#link.use((use) => {
      silence.before = use;
      silence.since = performance.now();
    });
  }

  /** Listens, or asks what holds it where nothing has come since that was done. */
  listenOrAsk(whenHeld: () => void): void {
    if (this.#silence?.frames === this.#frames) this.ask(whenHeld);
    else this.listen();
  }

  /** Nobody waits any more. */
  forget(): void {
    this.#silence = undefined;
  }

  /** Calls `whenHeld` where its thread, in a silence that lasts, is seen to be held. */
  ask(whenHeld: () => void): void {
    const silence = this.#silence;
    this.#link.use((now) => {
      if (silence?.before === undefined || silence !== this.#silence || silence.frames !== this.#frames) return;
      silence.held = heldBy(performance.now() - silence.since, silence.before, now);
      if (silence.held >= 1) whenHeld();
    });
  }

  #learn(times: number): void {
    this.#patience.factor = Math.min(MOST_PATIENCE, Math.max(1, this.#patience.factor * times));
  }
}

function isLongCall({ bytes }: RemoteCall): boolean {
  return bytes >= BYTES_PER_LOOK;
}

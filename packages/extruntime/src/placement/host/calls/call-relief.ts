import { NOT_STARTED } from "../../../contract/engine.ts";
import type { Link } from "../../wire/link.ts";
import { type HeldCalls, isGuests } from "./held-calls.ts";
import type { ProgramHistory } from "./program-history.ts";
import type { RemoteCall } from "./remote-call.ts";
import type { UnsentCalls } from "./unsent-calls.ts";
import { SILENT_LOOKS_ALONE, type WorkerSilence } from "./worker-silence.ts";

/** How often more a thread must be seen to be held, as {@link WorkerSilence.timesHeld} counts, where the making of a program or an instance would be done again. */
const REPEATED_HELD = 3;

/** Whose calls are taken back. */
export interface Relieved {
  retire(): void;
  kill(how: string): void;
  /** Ends it where it takes no more calls and has none. */
  endIfRetired(): void;
  /** Whether a call that would have to be alone on its thread can be so on another one's, or soon can. */
  canBeAlone(history: ProgramHistory): boolean;
}

/** Takes calls that a worker has not begun from it, so that they run elsewhere. */
export class CallRelief {
  readonly #worker: Relieved;
  readonly #link: Link;
  readonly #held: HeldCalls;
  readonly #unsent: UnsentCalls;
  readonly #silence: WorkerSilence;
  #active = false;

  constructor(worker: Relieved, link: Link, held: HeldCalls, unsent: UnsentCalls, silence: WorkerSilence) {
    this.#worker = worker;
    this.#link = link;
    this.#held = held;
    this.#unsent = unsent;
    this.#silence = silence;
  }

  /** Calls are being taken back: those sent meanwhile would overtake them. */
  get active(): boolean {
    return this.#active;
  }

  /** The first call that waits here for others, which wait for the host themselves, is handed back where it can begin elsewhere, with those of its instance. Returns whether any was. */
  sendAway(): boolean {
    const { first } = this.#unsent;
    if (first?.guest === undefined || this.#active || this.#held.sharing?.mayJoin(first) !== false) return false;
    const { guest } = first;
    const waits = (call: RemoteCall) => call.later && !call.settled && call.guest !== guest;
    if (!this.#held.some(waits) || !this.#worker.canBeAlone(guest.history)) return false;
    guest.history.wasCrowded();
    this.#active = true;
    this.#giveBack(this.#unsent.takeOf(guest), true);
    return true;
  }

  /**
   * Hands back all calls that have not started, so that other workers can serve them, in the order in which they came.
   * With `orEnd` the worker is ended where no call that anybody waits for holds its thread. The making of programs and
   * instances, which may be what holds it, is done again elsewhere.
   */
  handBack(orEnd: boolean): void {
    if (this.#active) return;
    this.#giveUpMakings();
    const held = this.#held.unsettled();
    const calls = held.filter((call) => !call.later && !call.started);
    const { frames } = this.#silence;
    if (calls.length === 0 && this.#unsent.length === 0 && !orEnd) return;
    const asked = new Set(calls);
    this.#active = true;
    this.#link.withdraw(
      calls.map((call) => call.key),
      (withdrawn) => {
        calls.forEach((call, index) => {
          call.started = !withdrawn[index];
        });
        // A sign of it, or a call that came meanwhile, which it may have begun by now: it is not held, or not known to be.
        if (
          orEnd &&
          this.#silence.frames === frames &&
          this.#held.unsettled().every((call) => this.#mayLose(call, asked))
        )
          this.#endHeld();
        const back = calls.filter((_, index) => withdrawn[index]);
        back.push(...this.#unsent.takeAll());
        this.#silence.tookBack(back);
        this.#giveBack(back, false);
        this.#worker.endIfRetired();
      },
    );
  }

  /** The last one when all are back: it may be sent here again at once. */
  #giveBack(calls: RemoteCall[], broken: boolean): void {
    const last = calls.pop();
    for (const call of calls) call.fail(NOT_STARTED, broken);
    this.#active = false;
    last?.fail(NOT_STARTED, broken);
  }

  #endHeld(): void {
    for (const { repeatable } of this.#held.unsettled()) if (repeatable !== undefined) repeatable.factor *= 2;
    this.#worker.kill("was ended, since what a guest had left behind held it");
  }

  /**
   * A program or an instance that is made asynchronously is not finished while a guest blocks the thread, and a guest may wait for the host without
   * end. So it is made again in another worker. This one retires, since nobody uses what it still makes.
   */
  #giveUpMakings(): void {
    const held = this.#held.unsettled();
    if (!held.some((call) => isGuests(call) && call.started && !call.later)) return;
    const makings = held.filter(
      ({ later, repeatable }) =>
        later && repeatable !== undefined && this.#silence.looks >= SILENT_LOOKS_ALONE * repeatable.factor,
    );
    if (makings.length === 0) return;
    this.#worker.retire();
    for (const call of makings) {
      call.repeatable!.factor *= 2;
      call.fail(NOT_STARTED, false);
    }
  }

  #mayLose(call: RemoteCall, withdrawn: ReadonlySet<RemoteCall>): boolean {
    const { later, started, repeatable } = call;
    if (!later && !started) return withdrawn.has(call);
    return repeatable !== undefined && this.#silence.timesHeld >= REPEATED_HELD * repeatable.factor;
  }
}

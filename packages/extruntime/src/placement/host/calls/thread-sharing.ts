import type { GuestSide, RemoteCall } from "./remote-call.ts";

/** Milliseconds that a call waits at the most until those that it could cost their answers have ended; and where its program's calls lately had to be stopped by ending their thread. */
const MOST_WAIT_MS = 250;
const MOST_WAIT_ENDLESS_MS = 5000;

/**
 * Which calls may be on one thread at a time. A call that may have to be stopped by ending its thread costs all that wait there for the host. So one
 * that has a limit, of a program of which it is not known that its calls end, begins only where no call of another instance is, and none begins beside it.
 */
export class ThreadSharing {
  /** Calls of guests that were sent and have not ended. */
  #held = 0;
  /** Of these, calls that are to be alone. */
  #apart = 0;
  /** The one instance whose calls they are; `undefined` where they are of several. */
  #sole: GuestSide | undefined;

  get isQuiet(): boolean {
    return this.#held === 0;
  }

  mayJoin({ guest, apart }: RemoteCall): boolean {
    return guest === undefined || this.#held === 0 || this.#sole === guest || (!apart && this.#apart === 0);
  }

  add({ guest, apart }: RemoteCall): void {
    if (guest === undefined) return;
    if (this.#held++ === 0) this.#sole = guest;
    else if (this.#sole !== guest) this.#sole = undefined;
    if (apart) this.#apart++;
  }

  remove({ guest, apart }: RemoteCall): void {
    if (guest === undefined) return;
    this.#held--;
    if (apart) this.#apart--;
  }

  clear(): void {
    this.#held = this.#apart = 0;
  }
}

/** Until when a call that may not join others waits for that, on the clock of `performance.now()`: half of its time is left to itself. */
export function patientUntil({ guest, limits }: RemoteCall): number {
  const now = performance.now();
  if (guest?.history.endless === true) return now + MOST_WAIT_ENDLESS_MS;
  return now + Math.min(MOST_WAIT_MS, (limits.deadline - now) / 2);
}

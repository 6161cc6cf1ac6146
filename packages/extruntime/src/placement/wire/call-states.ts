/**
 * Where each call of a worker stands, in memory that the threads concerned share: whether it has started is settled by
 * one atomic step, so a call is either withdrawn or started, never both. A worker thread shares it with the host; a child
 * process shares it with the watchdog that answers for it when its main thread does not.
 *
 * A key names a call: its low bits are a slot, the others count how often the slot was used. It is never 0.
 */

/** Calls that one worker can hold. */
export const SLOTS = 4096;
const SLOT_BITS = 12;
/** Keys stay below 2^28, so that a key and a state fit into 32 bits. */
const USES = 1 << 16;
export const GREATEST_KEY = USES * SLOTS - 1;

const MOST_TRIES = 10_000;

const STARTED = 1;
/** Started, and asynchronous: it runs while the worker serves others. */
const LATER = 2;
const WITHDRAWN = 3;

export const CALL_STATES_BYTES = SLOTS * 4 * 2;

export function slotOf(key: number): number {
  return key & (SLOTS - 1);
}

/** The key for the next use of a slot. */
export function nextKey(key: number): number {
  const use = (key >> SLOT_BITS) + 1;
  return ((use === USES ? 1 : use) << SLOT_BITS) | slotOf(key);
}

/** Whether a slot that had the key `last` last had `key` before. */
export function wasBefore(key: number, last: number): boolean {
  const uses = (last >> SLOT_BITS) - (key >> SLOT_BITS);
  return uses !== 0 && (uses & (USES - 1)) < USES / 2;
}

/** Whether the slot is another call's since: who asks has then had the answer, and only did not know yet. */
function isUsedAgain(state: number, key: number): boolean {
  const uses = ((state >>> 3) >> SLOT_BITS) - (key >> SLOT_BITS);
  // Uses begin anew after so many.
  return uses !== 0 && (uses & (USES - 1)) < USES / 2;
}

export class CallStates {
  readonly #states: Int32Array;
  /** Key of the call of each slot that was asked to stop. */
  readonly #aborts: Int32Array;

  constructor(buffer: SharedArrayBuffer, offset = 0) {
    this.#states = new Int32Array(buffer, offset, SLOTS);
    this.#aborts = new Int32Array(buffer, offset + SLOTS * 4, SLOTS);
  }

  /** For the worker, before it runs a call. `false`: it was withdrawn and must not run. */
  start(key: number): boolean {
    return Atomics.exchange(this.#states, slotOf(key), (key << 3) | STARTED) !== ((key << 3) | WITHDRAWN);
  }

  /** For the worker: the call goes on while others run. */
  goOn(key: number): void {
    Atomics.store(this.#states, slotOf(key), (key << 3) | LATER);
  }

  /** For the other side. Whether the call will not start any more. */
  withdraw(key: number): boolean {
    const slot = slotOf(key);
    // Each time round means that the other side was quicker. One that always is writes there without end, as only a guest would.
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const state = Atomics.load(this.#states, slot);
      if (state === ((key << 3) | STARTED) || state === ((key << 3) | LATER) || isUsedAgain(state, key)) return false;
      if (Atomics.compareExchange(this.#states, slot, state, (key << 3) | WITHDRAWN) === state) return true;
    }
    return false;
  }

  /** For the other side. Whether the worker has yet to come to it. */
  waits(key: number): boolean {
    const state = Atomics.load(this.#states, slotOf(key));
    return state !== ((key << 3) | STARTED) && state !== ((key << 3) | LATER) && !isUsedAgain(state, key);
  }

  goesOn(key: number): boolean {
    return Atomics.load(this.#states, slotOf(key)) === ((key << 3) | LATER);
  }

  abort(key: number): void {
    Atomics.store(this.#aborts, slotOf(key), key);
  }

  aborted(key: number): boolean {
    return Atomics.load(this.#aborts, slotOf(key)) === key;
  }
}

/** Calls that take longer, in microseconds, are all measured; of others one in eight is. */
const OFTEN_MEASURED = 50;
/** Answers are sent before a call of a program whose calls take longer, in microseconds. */
const SLOW = 100;

/** Calls that are shorter, in microseconds, are not worth a thread of their own. */
const BRIEF = 500;
/** One that takes longer, in microseconds, shows that others may, too: so many calls are not taken for brief after it. */
const LONG = 2000;
const WARY_CALLS = 100;

/** How long the calls of a program take in their worker. */
export class CallTiming {
  /** Running mean, in microseconds. A new program is taken for a slow one. */
  #mean = Number.POSITIVE_INFINITY;
  /** The call that was measured last, in microseconds. */
  #last = Number.POSITIVE_INFINITY;
  #calls = 0;
  /** Calls since one took long. */
  #sinceLong = WARY_CALLS;

  get slow(): boolean {
    return this.#mean > SLOW;
  }

  /** Whether the next call is likely to be. */
  get brief(): boolean {
    return this.#mean < BRIEF && this.#sinceLong >= WARY_CALLS;
  }

  /** Whether calls are so short that not each of them is measured. */
  get quick(): boolean {
    return this.#mean <= OFTEN_MEASURED && this.#sinceLong >= WARY_CALLS;
  }

  /** Before a call: what `end` wants to know. `always`: it is measured in any case. */
  begin(always: boolean): number {
    const wary = ++this.#sinceLong < WARY_CALLS;
    return always || wary || this.#mean > OFTEN_MEASURED || (++this.#calls & 7) === 0 ? performance.now() : 0;
  }

  /** Ends a measurement and returns the mean in µs, or 0 if this call was not measured. Uses the shorter of two consecutive calls: the longer one may have been descheduled. */
  end(begun: number): number {
    if (begun === 0) return 0;
    const took = (performance.now() - begun) * 1000;
    if (took > LONG) this.#sinceLong = 0;
    const sample = Math.min(took, this.#last);
    this.#last = took;
    this.#mean = this.#mean === Number.POSITIVE_INFINITY ? sample : this.#mean * 0.75 + sample * 0.25;
    return Math.max(1, Math.min(this.#mean, 2 ** 31 - 1));
  }
}

/** How long to wait before a worker is started in the place of one that crashed. */

/** Crashes in a row that cost nothing: guests that crash now and then shall not slow the others. */
const FREE = 8;
/** Milliseconds after which one more is free. */
const REFILL_MS = 500;
/** The longest wait, in milliseconds. */
const LONGEST_MS = 5000;

/** Crashes use up what time refills; when that is used up, the wait grows with each of them. */
export class RestartBackoff {
  #free = FREE;
  #last = 0;

  crashed(now = performance.now()): void {
    this.#refill(now);
    this.#free = Math.max(this.#free - 1, -LONGEST_MS / REFILL_MS);
  }

  /** Milliseconds from now on. */
  delay(now = performance.now()): number {
    this.#refill(now);
    return Math.max(0, -this.#free * REFILL_MS);
  }

  #refill(now: number): void {
    this.#free = Math.min(FREE, this.#free + (now - this.#last) / REFILL_MS);
    this.#last = now;
  }
}

/**
 * The clocks of WASI preview 1 that a guest has: the time of day in milliseconds, and a monotonic clock in
 * microseconds that begins when the instance does, so that it does not tell how long the host has been up.
 * The two clocks of processor time would tell of the host's own work, and are absent.
 */

export const REALTIME = 0;
export const MONOTONIC = 1;

const NS_PER_MS = 1_000_000n;
const NS_PER_US = 1000n;
const US_PER_MS = 1000;

export class Clocks {
  #started = performance.now();

  /** Milliseconds that the monotonic clock has run. */
  get elapsedMs(): number {
    return performance.now() - this.#started;
  }

  /** Has it go on from there. */
  set elapsedMs(elapsed: number) {
    this.#started = performance.now() - elapsed;
  }

  /** Nanoseconds, or `undefined` for a clock that is not there. */
  now(clock: number): bigint | undefined {
    if (clock === REALTIME) return BigInt(Date.now()) * NS_PER_MS;
    if (clock === MONOTONIC) return BigInt(Math.floor((performance.now() - this.#started) * US_PER_MS)) * NS_PER_US;
    return undefined;
  }

  resolution(clock: number): bigint | undefined {
    if (clock === REALTIME) return NS_PER_MS;
    return clock === MONOTONIC ? NS_PER_US : undefined;
  }
}

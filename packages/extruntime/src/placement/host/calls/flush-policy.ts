/** Parts in which the answers to the calls that a worker holds are flushed. */
const PARTS = 8;
/** Answers that come together at the most. */
const MOST_TOGETHER = 32;

/**
 * After every n calls the host asks the worker to flush its answers; n is an eighth of the calls that the worker holds, at most 32.
 * One wake-up for many answers is cheap, but if all came at the end, host and worker would take turns, each waiting for the
 * other. In parts, the host deals with the answers that it has, and sends what follows, while the worker computes.
 */
export class FlushPolicy {
  #since = 0;
  /** How many calls the worker held of late: the most, less a quarter for each part that came since. */
  #width = 0;

  /** To be asked for each call, with the number that the worker holds then. */
  isDue(held: number): boolean {
    if (++this.#since * PARTS < Math.min(Math.max(held, this.#width), MOST_TOGETHER * PARTS)) return false;
    this.#since = 0;
    this.#width = Math.max(held, this.#width - (this.#width >> 2));
    return true;
  }
}

/** The longest that a timer can wait, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Runs `action` when a time on the clock of `performance.now()` has come, and never before. Node's own timers are up to
 * 2 ms early: they count whole milliseconds, from the time at which this turn of the event loop began.
 */
export class DeadlineTimer {
  readonly #deadline: number;
  readonly #action: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(deadline: number, action: () => void) {
    this.#deadline = deadline;
    this.#action = action;
    this.#wait(deadline - performance.now());
  }

  /** It will not fire any more. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #wait(left: number): void {
    if (left === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(DeadlineTimer.#look, Math.min(LONGEST_MS, Math.max(0, Math.ceil(left))), this);
  }

  static #look(timer: DeadlineTimer): void {
    const left = timer.#deadline - performance.now();
    if (left > 0) timer.#wait(left);
    else timer.#action();
  }
}

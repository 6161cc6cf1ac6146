import type { Addon } from "./addon.ts";

/** Looks between two turns of the event loop: everything else of the process waits meanwhile. */
const LOOKS_PER_TURN = 64;
/** Milliseconds that a call's end may stay unnoticed where the next one, which was to be short, is not. */
const GUARD = 1;

/**
 * Looks for ended calls before the event loop goes to sleep: at the end of the turn in which calls were started, which are
 * sent on their way together, and again as long as calls end while it looks.
 */
export class Poller {
  readonly #addon: Addon;
  #looking = false;
  #looks = LOOKS_PER_TURN;
  /** Calls that have been started and not settled. */
  #running = 0;
  #guard: NodeJS.Timeout | undefined;

  constructor(addon: Addon) {
    this.#addon = addon;
  }

  started(): void {
    this.#running++;
    if (this.#looking) return;
    this.#looking = true;
    queueMicrotask(this.#look);
  }

  ended(): void {
    this.#running--;
  }

  readonly #look = (): void => {
    if (this.#addon.look()) {
      if (--this.#looks > 0) queueMicrotask(this.#look);
      else setImmediate(this.#lookInNextTurn);
      return;
    }
    this.#looking = false;
    if (this.#running > 1) this.#guard ??= setTimeout(this.#watch, GUARD).unref();
  };

  readonly #lookInNextTurn = (): void => {
    this.#looks = LOOKS_PER_TURN;
    this.#look();
  };

  readonly #watch = (): void => {
    this.#addon.deliver();
    this.#guard = this.#running > 1 ? setTimeout(this.#watch, GUARD).unref() : undefined;
  };
}

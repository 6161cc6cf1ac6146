import type { Addon } from "./addon.ts";

/** Microseconds that one look for completions may take: about what waking the event loop costs. */
const LOOK = 8;
/** The same for a look after many in vain: long enough for a thread that sleeps to wake up and make a short call. */
const LONG_LOOK = 80;
/** Looks between two turns of the event loop: everything else of the process waits meanwhile. */
const LOOKS_PER_TURN = 64;
/** Looks in vain, in a row, after which calls are taken to be long; then every so many calls one is tried again. */
const PATIENCE = 4;
const TRY_AGAIN = 64;

/**
 * Takes completions in microtasks, before the event loop goes to sleep, as long as calls are so short that they end
 * while JavaScript looks. It spares a short call the waking of the event loop, which costs more than the call.
 */
export class Poller {
  readonly #addon: Addon;
  #polling = false;
  /** Microseconds of the next look. */
  #patience = LOOK;
  #looks = LOOKS_PER_TURN;
  #vain = 0;
  #refilling = false;
  /** Calls that have been started and not settled. */
  #running = 0;
  /** Of these, how many a look has waited for in vain: they are long, and not looked for again. */
  #long = 0;

  constructor(addon: Addon) {
    this.#addon = addon;
  }

  started(): void {
    this.#running++;
    if (this.#polling || this.#looks === 0) return;
    if (this.#vain >= PATIENCE && this.#vain++ < PATIENCE + TRY_AGAIN) return;
    this.#patience = this.#vain >= PATIENCE ? LONG_LOOK : LOOK;
    this.#polling = true;
    queueMicrotask(this.#look);
  }

  ended(): void {
    this.#running--;
    if (this.#long > this.#running) this.#long = this.#running;
  }

  readonly #look = (): void => {
    if (this.#running > this.#long && this.#looks-- > 0) {
      if (this.#addon.poll(this.#patience)) {
        this.#vain = 0;
        this.#patience = LOOK;
        queueMicrotask(this.#look);
        return;
      }
      this.#vain = this.#vain >= PATIENCE ? PATIENCE : this.#vain + 1;
      this.#long = this.#running;
    }
    this.#polling = false;
    this.#addon.stopPolling();
    if (this.#looks <= 0) this.#refill();
  };

  #refill(): void {
    this.#looks = 0;
    if (this.#refilling) return;
    this.#refilling = true;
    setImmediate(() => {
      this.#refilling = false;
      this.#looks = LOOKS_PER_TURN;
    });
  }
}

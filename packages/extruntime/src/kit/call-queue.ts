/** Calls in the order in which they were sent. They mostly end in that order, so the first is taken out without moving the others. */
export class CallQueue<Call> {
  readonly #calls: (Call | undefined)[] = [];
  #start = 0;

  /** Calls in it. */
  get length(): number {
    return this.#calls.length - this.#start;
  }

  /** The one that came first. */
  get first(): Call | undefined {
    return this.#calls[this.#start];
  }

  /** Adds one at the end. */
  push(call: Call): void {
    this.#calls.push(call);
  }

  /** The call must be there. */
  remove(call: Call): void {
    const calls = this.#calls;
    if (calls[this.#start] !== call) {
      calls.splice(calls.indexOf(call, this.#start), 1);
      return;
    }
    calls[this.#start++] = undefined;
    if (this.#start === calls.length || this.#start >= MOST_GAPS) {
      calls.splice(0, this.#start);
      this.#start = 0;
    }
  }

  /** From the one at `from` on. */
  copy(from = 0): Call[] {
    return this.#calls.slice(this.#start + from) as Call[];
  }
}

/** Places that are left empty at the front before the others move up. */
const MOST_GAPS = 128;

import type { RemoteCall } from "./remote-call.ts";

/** Calls in the order in which they were sent. They mostly end in that order, so the first is taken out without moving the others. */
export class CallQueue {
  readonly #calls: (RemoteCall | undefined)[] = [];
  #start = 0;

  get first(): RemoteCall | undefined {
    return this.#calls[this.#start];
  }

  push(call: RemoteCall): void {
    this.#calls.push(call);
  }

  /** The call must be there. */
  remove(call: RemoteCall): void {
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

  copy(): RemoteCall[] {
    return this.#calls.slice(this.#start) as RemoteCall[];
  }
}

/** Places that are left empty at the front before the others move up. */
const MOST_GAPS = 128;

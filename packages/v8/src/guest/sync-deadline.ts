import type { Isolate, IsolatedVm, Reference } from "../isolate/isolated-vm.ts";

/**
 * Deadlines of guests that hold the host's own thread. An isolate of ours waits on a thread of isolated-vm's, in shared memory, and disposes of the
 * guest's when its time is up. isolated-vm's own `timeout` cannot be taken: it suspends for ever the thread of a guest that has not ended five seconds later, inside
 * a builtin say, and that thread is the host's.
 */

/** Milliseconds that a wait may last in V8. */
const LONGEST_MS = 2 ** 31 - 1;
const MEMORY_MB = 8;

/** Waits while the cell has the call's number, and then ends the guest unless the host has taken the number back. */
const WATCH = `"use strict";
const { wait, compareExchange } = Atomics;
return (memory, isolate, call, ms) => {
  const cells = new Int32Array(memory);
  if (wait(cells, 0, call, ms) === "timed-out" && compareExchange(cells, 0, call, -call) === call) isolate.dispose();
};`;

export class Watch {
  readonly #cells: Int32Array;
  readonly #memory: { copyInto(): object };
  readonly #watch: Reference;
  #calls = 0;

  constructor(vm: IsolatedVm) {
    const memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    this.#cells = new Int32Array(memory);
    this.#memory = new vm.ExternalCopy(memory);
    const context = new vm.Isolate({ memoryLimit: MEMORY_MB, onCatastrophicError: () => {} }).createContextSync();
    this.#watch = context.evalClosureSync(WATCH, [], {
      filename: "extruntime:deadline",
      result: { reference: true },
    });
  }

  start(isolate: Isolate, ms: number): void {
    this.#calls = (this.#calls % LONGEST_MS) + 1;
    Atomics.store(this.#cells, 0, this.#calls);
    this.#watch.applyIgnored(undefined, [this.#memory.copyInto(), isolate, this.#calls, ms]);
  }

  /** The time is up, and the guest was ended. */
  get fired(): boolean {
    return Atomics.load(this.#cells, 0) < 0;
  }

  /** `true` where the guest was ended. The watch is another guest's then. */
  stop(): boolean {
    const fired = Atomics.exchange(this.#cells, 0, 0) < 0;
    Atomics.notify(this.#cells, 0);
    idle.push(this);
    return fired;
  }
}

/** Each serves one call at a time, and a guest may be called by what another one calls. */
const idle: Watch[] = [];

/** Ends the guest at a time on the clock of `performance.now()`, unless it is stopped before. */
export function watchUntil(vm: IsolatedVm, isolate: Isolate, deadline: number): Watch {
  const watch = idle.pop() ?? new Watch(vm);
  watch.start(isolate, Math.min(LONGEST_MS, Math.max(1, Math.ceil(deadline - performance.now()))));
  return watch;
}

/**
 * What the host and a guest's dispatcher tell each other in shared memory, where a message would come too late.
 *
 * Cell 0 says which call has its turn, so that calls which were sent and have not started can be taken back. The dispatcher
 * writes a call's number before it starts the call; the host writes, in place of the number of a call that takes long, the
 * negative number of the last call that is not to start. Each writes only over what it expects, so a call is either started or
 * taken back.
 */
export class Turns {
  readonly memory = new SharedArrayBuffer(4 * Int32Array.BYTES_PER_ELEMENT);
  readonly #cells = new Int32Array(this.memory);

  /** Keeps the calls after `running`, up to `last`, from starting. `false` where another one than `running` has its turn. */
  takeBack(running: number, last: number): boolean {
    return last > running && Atomics.compareExchange(this.#cells, CELL.turn, running, -last) === running;
  }

  /** A line of the guest's console that did not wait has arrived. */
  heard(): void {
    Atomics.add(this.#cells, CELL.heard, 1);
  }

  /** Whether the guest runs on the host's own thread, where its console is heard at once. */
  setHere(here: boolean): void {
    Atomics.store(this.#cells, CELL.here, here ? 1 : 0);
  }

  /** Whether the guest's thread waits for the host to hear a line. */
  get waits(): boolean {
    return Atomics.load(this.#cells, CELL.waits) === 1;
  }
}

export const CELL = { turn: 0, heard: 1, here: 2, waits: 3 } as const;

/** Calls after which a guest has to be replaced, as their numbers would not fit. */
export const MOST_TURNS = 2 ** 31 - 1;

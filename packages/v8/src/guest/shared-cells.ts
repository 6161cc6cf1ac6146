/**
 * What the host and a guest's dispatcher tell each other in shared memory, where a message would come too late.
 *
 * Cell 0 says which call has its turn. The dispatcher writes a call's number before it starts the call; the host writes, in
 * place of it, the negative number of the last call that is not to start. Each writes only over what it has read, so a call is
 * either started or taken back, and the host knows which.
 */
export class SharedCells {
  readonly memory = new SharedArrayBuffer(4 * Int32Array.BYTES_PER_ELEMENT);
  readonly #cells = new Int32Array(this.memory);
  /** The call whose number `takeBack` or `stop` has overwritten. */
  #overwritten = 0;

  /** Number of the last call that has started. It runs, or has ended and nothing has started since. */
  get started(): number {
    const turn = Atomics.load(this.#cells, CELL.turn);
    return turn < 0 ? this.#overwritten : turn;
  }

  /** Keeps the calls after `running`, up to `last`, from starting. `false` where another one than `running` has its turn. */
  takeBack(running: number, last: number): boolean {
    return last > running && this.#overwrite(running, -last);
  }

  /** Keeps every call after `running` from starting. `false` where another one has its turn. */
  stopAfter(running: number): boolean {
    const turn = Atomics.load(this.#cells, CELL.turn);
    if (turn >= 0) return this.#overwrite(running, -MOST_TURNS);
    return this.#overwritten === running && Atomics.compareExchange(this.#cells, CELL.turn, turn, -MOST_TURNS) === turn;
  }

  /** Keeps every call from starting that has not. */
  stop(): void {
    const turn = Atomics.exchange(this.#cells, CELL.turn, -MOST_TURNS);
    if (turn >= 0) this.#overwritten = turn;
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

  #overwrite(running: number, by: number): boolean {
    if (Atomics.compareExchange(this.#cells, CELL.turn, running, by) !== running) return false;
    this.#overwritten = running;
    return true;
  }
}

export const CELL = { turn: 0, heard: 1, here: 2, waits: 3 } as const;

/** Calls after which a guest has to be replaced, as their numbers would not fit. */
export const MOST_TURNS = 2 ** 31 - 1;

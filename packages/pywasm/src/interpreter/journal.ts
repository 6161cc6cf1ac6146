import type { LinearMemory } from "@extruntime/wasm/machine";

/** Bytes of entries up to which a run can be done again. */
const MOST_BYTES = 8 * 2 ** 20;
/** What an entry counts as, beside its bytes. */
const ENTRY_BYTES = 64;

interface Entry {
  readonly result: unknown;
  /** What was written into the memory, and where. */
  readonly bytes: Uint8Array | undefined;
  readonly at: number;
}

/**
 * What the host has told a run, in order, by which it can be done again from its start to the same place: nothing else makes two runs of the
 * same code on the same memory differ. It is how a guest that cannot be held on the host's own thread waits for an answer there.
 */
export class Journal {
  readonly #memory: LinearMemory;
  #entries: Entry[] = [];
  #next = 0;
  #bytes = 0;
  #isOn = false;

  constructor(memory: LinearMemory) {
    this.#memory = memory;
  }

  /** The run is written down, and can be done again. */
  get isKept(): boolean {
    return this.#isOn && this.#bytes <= MOST_BYTES;
  }

  /** A run begins. */
  begin(): void {
    this.end();
    this.#isOn = true;
  }

  /** Nothing is written down from here on, and what was is forgotten. */
  end(): void {
    this.#entries = [];
    this.#next = 0;
    this.#bytes = 0;
    this.#isOn = false;
  }

  /** The run is done again, and is told `result` in the place where it ended. */
  again(result: unknown): void {
    this.#entries.push({ result, bytes: undefined, at: 0 });
    this.#next = 0;
  }

  /**
   * What `live` gives, or what it gave at this place before.
   *
   * @param at where `live` writes into the memory, and `length` how much at the most.
   */
  told<Result>(live: () => Result, at = 0, length = 0): Result {
    if (!this.#isOn) return live();
    const known = this.#entries[this.#next];
    if (known === undefined) return this.#write(live, at, length);
    this.#next += 1;
    if (known.bytes !== undefined) this.#memory.bytes.set(known.bytes, known.at);
    return known.result as Result;
  }

  #write<Result>(live: () => Result, at: number, length: number): Result {
    const result = live();
    if (this.#bytes > MOST_BYTES) return result;
    const bytes = length > 0 && this.#memory.has(at, length) ? this.#memory.bytes.subarray(at, at + length) : undefined;
    this.#entries.push({ result, bytes: bytes && Uint8Array.from(bytes), at });
    this.#next = this.#entries.length;
    this.#bytes += ENTRY_BYTES + (typeof result === "string" ? result.length : 0) + (bytes?.length ?? 0);
    if (this.#bytes > MOST_BYTES) this.#entries = [];
    return result;
  }
}

/** A generator that its seed makes again (mulberry32), so that a run that failed can be played again. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number below `below`. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  }

  pick<T>(all: readonly T[]): T {
    return all[this.below(all.length)]!;
  }

  /** Words that a decoder may trip over, and any. */
  word(): number {
    return this.below(3) === 0 ? this.pick(EDGES) : this.below(4) === 0 ? this.below(2 ** 32) | 0 : this.below(64);
  }

  bytes(most: number): Uint8Array {
    return Uint8Array.from({ length: this.below(most + 1) }, () => this.below(256));
  }
}

const EDGES = [
  0,
  1,
  -1,
  2,
  3,
  4,
  5,
  19,
  20,
  21,
  24,
  28,
  4095,
  4096,
  4097,
  65_535,
  65_536,
  2 ** 28,
  2 ** 31 - 1,
  -(2 ** 31),
];

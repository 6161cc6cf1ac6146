import type { Home } from "./home.ts";

/** What the guests of one program may take of heap: so much each, or together. */
export class HeapLimit {
  readonly #bytes: number;
  readonly #each: boolean;
  readonly #homes = new Set<Home>();

  /** @param bytes Infinity for no limit. */
  constructor(bytes: number, each: boolean) {
    this.#bytes = bytes;
    this.#each = each;
  }

  /** Bytes that a guest may have at present, what it has included. */
  readonly roomFor = (home: Home): number => {
    if (this.#each) return this.#bytes;
    let others = 0;
    for (const each of this.#homes) if (each !== home) others += each.heapBytes;
    return Math.max(0, this.#bytes - others);
  };

  add(home: Home): void {
    this.#homes.add(home);
  }

  delete(home: Home): void {
    this.#homes.delete(home);
  }
}

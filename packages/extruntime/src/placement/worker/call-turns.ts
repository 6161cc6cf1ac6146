/** What waits in a worker to be run, of all the modules that share it. */
export class CallTurns<Party, Item> {
  readonly #lines = new Map<Party, Line<Item>>();
  /** Lines that have something in them. */
  readonly #waiting: Line<Item>[] = [];
  #length = 0;
  /** Processor time at which the line stood that had the last turn, in milliseconds. */
  #time = 0;

  get length(): number {
    return this.#length;
  }

  /** Whether more than one party waits, so that turns are to be measured. */
  get contended(): boolean {
    return this.#waiting.length > 1;
  }

  add(party: Party, item: Item): void {
    let line = this.#lines.get(party);
    if (line === undefined) {
      line = { items: [], start: 0, used: 0 };
      this.#lines.set(party, line);
    }
    if (line.items.length === 0) {
      // Who had nothing to do has saved up nothing for it.
      line.used = Math.max(line.used, this.#time);
      this.#waiting.push(line);
    }
    line.items.push(item);
    this.#length++;
  }

  /**
   * The item whose turn it is: of the party that has used the least time, and of that the one that came first. `undefined`
   * for none.
   */
  next(): Item | undefined {
    const line = this.#least();
    if (line === undefined) return undefined;
    const item = line.items[line.start]!;
    line.items[line.start++] = undefined;
    if (line.start === line.items.length) {
      line.items = [];
      line.start = 0;
      this.#waiting.splice(this.#waiting.indexOf(line), 1);
    }
    this.#length--;
    this.#time = line.used;
    return item;
  }

  /** A turn of the party has taken so many milliseconds. */
  charge(party: Party, ms: number): void {
    const line = this.#lines.get(party);
    if (line !== undefined) line.used += ms;
  }

  /** The party is gone; what it has waiting stays. */
  forget(party: Party): void {
    this.#lines.delete(party);
  }

  #least(): Line<Item> | undefined {
    let least = this.#waiting[0];
    for (const line of this.#waiting) if (line.used < least!.used) least = line;
    return least;
  }
}

interface Line<Item> {
  items: (Item | undefined)[];
  start: number;
  /** Milliseconds that its turns have taken while others waited, and those that it let pass without anything to do. */
  used: number;
}

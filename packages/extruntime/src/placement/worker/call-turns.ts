/** Places of a line that are kept when it is empty. */
const MOST_KEPT = 1024;

/** What waits in a worker to be run, of all the modules that share it. */
export class CallTurns<Party, Item> {
  readonly #lines = new Map<Party, Line<Item>>();
  /** Lines that have something in them. */
  readonly #waiting: Line<Item>[] = [];
  /** Whose line was last asked for: most often the same party is next. */
  #lastParty: Party | undefined;
  #lastLine: Line<Item> | undefined;
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
    const line = this.#lineOf(party);
    if (line.end === 0) {
      // Who had nothing to do has saved up nothing for it.
      line.used = Math.max(line.used, this.#time);
      this.#waiting.push(line);
    }
    line.items[line.end++] = item;
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
    if (line.start === line.end) {
      if (line.end > MOST_KEPT) line.items = [];
      line.start = line.end = 0;
      if (this.#waiting.length === 1) this.#waiting.pop();
      else this.#waiting.splice(this.#waiting.indexOf(line), 1);
    }
    this.#length--;
    this.#time = line.used;
    return item;
  }

  /** A turn of the party has taken so many milliseconds. */
  charge(party: Party, ms: number): void {
    const line = party === this.#lastParty ? this.#lastLine : this.#lines.get(party);
    if (line !== undefined) line.used += ms;
  }

  /** The party is gone; what it has waiting stays. */
  forget(party: Party): void {
    this.#lines.delete(party);
    if (party === this.#lastParty) this.#lastParty = this.#lastLine = undefined;
  }

  #lineOf(party: Party): Line<Item> {
    if (party === this.#lastParty) return this.#lastLine!;
    let line = this.#lines.get(party);
    if (line === undefined) {
      line = { items: [], start: 0, end: 0, used: 0 };
      this.#lines.set(party, line);
    }
    this.#lastParty = party;
    this.#lastLine = line;
    return line;
  }

  #least(): Line<Item> | undefined {
    let least = this.#waiting[0];
    for (const line of this.#waiting) if (line.used < least!.used) least = line;
    return least;
  }
}

interface Line<Item> {
  /** From `start` to `end`; what lies behind is room that was used before. */
  items: (Item | undefined)[];
  start: number;
  end: number;
  /** Milliseconds that its turns have taken while others waited, and those that it let pass without anything to do. */
  used: number;
}

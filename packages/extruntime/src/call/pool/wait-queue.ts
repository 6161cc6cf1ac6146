/** A first-in, first-out queue whose members can also leave from the middle, both in constant time. */

let arrivals = 0;

/** Of the entry that came last. */
export function lastArrival(): number {
  return arrivals;
}

export class QueueEntry {
  /** In which order it came, among all entries of the process. */
  readonly arrival = ++arrivals;
  /** Set while it is in a queue. */
  queue: WaitQueue<QueueEntry> | undefined;
  previous: QueueEntry | undefined;
  next: QueueEntry | undefined;
}

export class WaitQueue<Entry extends QueueEntry> {
  #first: QueueEntry | undefined;
  #last: QueueEntry | undefined;
  /** Where the next one that is put back likely belongs: those that come back together come in order. */
  #putBackLast: QueueEntry | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): Entry | undefined {
    return this.#first as Entry | undefined;
  }

  push(entry: Entry): void {
    entry.queue = this as unknown as WaitQueue<QueueEntry>;
    entry.previous = this.#last;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    this.#length++;
  }

  /** Puts an entry that had its turn back where it was: before all that came after it. */
  putBack(entry: Entry): void {
    const before = this.#putBackLast;
    let next = before !== undefined && this.#has(before) && before.arrival < entry.arrival ? before : this.#first;
    while (next !== undefined && next.arrival < entry.arrival) next = next.next;
    const previous = next === undefined ? this.#last : next.previous;
    entry.queue = this as unknown as WaitQueue<QueueEntry>;
    entry.previous = previous;
    entry.next = next;
    if (previous === undefined) this.#first = entry;
    else previous.next = entry;
    if (next === undefined) this.#last = entry;
    else next.previous = entry;
    this.#putBackLast = entry;
    this.#length++;
  }

  shift(): Entry | undefined {
    const first = this.#first as Entry | undefined;
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Takes an entry out; no effect when it is not in this queue. */
  remove(entry: Entry): void {
    if (!this.#has(entry)) return;
    if (entry.previous === undefined) this.#first = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === undefined) this.#last = entry.previous;
    else entry.next.previous = entry.previous;
    entry.queue = entry.previous = entry.next = undefined;
    if (this.#putBackLast === entry) this.#putBackLast = undefined;
    this.#length--;
  }

  #has(entry: QueueEntry): boolean {
    return entry.queue === (this as unknown as WaitQueue<QueueEntry>);
  }
}

/** A first-in, first-out queue whose members can also leave from the middle, both in constant time. */

export class QueueEntry {
  /** Set while it is in a queue. */
  queue: WaitQueue<QueueEntry> | undefined;
  previous: QueueEntry | undefined;
  next: QueueEntry | undefined;
}

export class WaitQueue<Entry extends QueueEntry> {
  #first: QueueEntry | undefined;
  #last: QueueEntry | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(entry: Entry): void {
    entry.queue = this as unknown as WaitQueue<QueueEntry>;
    entry.previous = this.#last;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    this.#length++;
  }

  /** Puts an entry in front, as one that had its turn and comes back. */
  unshift(entry: Entry): void {
    entry.queue = this as unknown as WaitQueue<QueueEntry>;
    entry.next = this.#first;
    if (this.#first === undefined) this.#last = entry;
    else this.#first.previous = entry;
    this.#first = entry;
    this.#length++;
  }

  shift(): Entry | undefined {
    const first = this.#first as Entry | undefined;
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Takes an entry out; no effect when it is not in this queue. */
  remove(entry: Entry): void {
    if (entry.queue !== (this as unknown as WaitQueue<QueueEntry>)) return;
    if (entry.previous === undefined) this.#first = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === undefined) this.#last = entry.previous;
    else entry.next.previous = entry.previous;
    entry.queue = entry.previous = entry.next = undefined;
    this.#length--;
  }
}

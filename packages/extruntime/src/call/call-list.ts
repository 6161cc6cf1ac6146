/** What knows its place in the one list that it is in. */
export interface Listed {
  /** -1 where it is in none. */
  place: number;
}

/** Members in no order, added and deleted in constant time and without the memory that a `Set` of so short-lived ones takes. */
export class CallList<Member extends Listed> {
  readonly #members: Member[] = [];

  get length(): number {
    return this.#members.length;
  }

  add(member: Member): void {
    member.place = this.#members.push(member) - 1;
  }

  /** No effect where it is not in the list. */
  delete(member: Member): void {
    const { place } = member;
    if (place < 0) return;
    member.place = -1;
    const last = this.#members.pop()!;
    if (last === member) return;
    this.#members[place] = last;
    last.place = place;
  }

  copy(): Member[] {
    return [...this.#members];
  }
}

import { UNKNOWN, type Work } from "./function-work.ts";

/** Steps that a function may have, with those of the functions that it calls, without a tick at its entry. */
const MOST_STEPS = 1000;
/** Of a call of a function that has one, or of the host. */
const TICKED_STEPS = 8;

export type Costs = Pick<CallCosts, "ticksAtEntry" | "ofCall">;

/** Where all calls end soon. */
export const BRIEF_CALLS: Costs = { ticksAtEntry: () => false, ofCall: () => TICKED_STEPS };

/**
 * Which functions need a tick at their entry, and what a call of each other costs until it comes back or meets one. A function needs one where it may call itself,
 * by whatever way, and where too much is done until the next.
 */
export class CallCosts {
  readonly #works: readonly Work[];
  readonly #imported: number;
  /** Steps of a call; 0 until it is known. */
  readonly #costs: Uint32Array;
  readonly #ticked: Uint8Array;

  constructor(works: readonly Work[], imported: number) {
    this.#works = works;
    this.#imported = imported;
    this.#costs = new Uint32Array(works.length);
    this.#ticked = new Uint8Array(works.length);
    for (let i = 0; i < works.length; i++) this.#find(i);
  }

  ticksAtEntry(fn: number): boolean {
    return this.#ticked[fn - this.#imported] === 1;
  }

  /** In steps. */
  ofCall(fn: number): number {
    if (fn === UNKNOWN) return MOST_STEPS;
    return this.#costs[fn - this.#imported] ?? TICKED_STEPS;
  }

  /** Depth first, without recursion: a guest's calls may be nested as deeply as it likes. */
  #find(root: number): void {
    const path: { readonly fn: number; next: number }[] = [];
    const isOpen = new Set<number>();
    const enter = (fn: number) => {
      if (this.#costs[fn] !== 0) return;
      isOpen.add(fn);
      path.push({ fn, next: 0 });
    };
    enter(root);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { calls } = this.#works[top.fn]!;
      const callee = calls[top.next++];
      if (callee === undefined) {
        this.#settle(top.fn);
        isOpen.delete(top.fn);
        path.pop();
      } else if (callee === UNKNOWN) this.#ticked[top.fn] = 1;
      else if (isOpen.has(callee - this.#imported)) this.#ticked[callee - this.#imported] = 1;
      else if (callee >= this.#imported) enter(callee - this.#imported);
    }
  }

  #settle(fn: number): void {
    const { steps, calls } = this.#works[fn]!;
    let all = steps;
    // One that is still open is ticked: it was met as a call of itself.
    for (const callee of calls) all += this.ofCall(callee) || TICKED_STEPS;
    if (all > MOST_STEPS) this.#ticked[fn] = 1;
    this.#costs[fn] = this.#ticked[fn] === 1 ? TICKED_STEPS : Math.max(1, all);
  }
}

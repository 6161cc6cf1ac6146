/**
 * Bounds the live instances of many modules together. Where the bound is reached, the least recently used idle
 * instance makes room; where none is idle, the module waits, and is served in turn. Instances that stay idle are
 * released after a while.
 */

/** Bounds of an {@link InstanceBudget}. */
export interface InstanceBudgetOptions {
  /** Live instances of all modules together; 256 by default. */
  maxInstances?: number | undefined;
  /** Milliseconds after which an unused instance is released, at the earliest; 60,000 by default. */
  idleMs?: number | undefined;
}

/** A pool, as the budget sees it. */
export interface BudgetMember {
  /** When its least recently used idle instance was last used, on the budget's clock; `undefined` when none is idle. */
  readonly oldestIdle: number | undefined;
  /** Closes idle instances last used at or before `clock`, `most` of them at the most. */
  releaseIdle(clock: number, most: number): void;
  /** There may be room now: serve waiting calls. */
  wake(): void;
}

const DEFAULT_MAX_INSTANCES = 256;
const DEFAULT_IDLE_MS = 60_000;

/** The bound on live instances of all modules that are given it. A host makes one for its own. */
export class InstanceBudget {
  /** Live instances of all members at a time. */
  readonly maxInstances: number;
  /** Milliseconds after which an instance that nobody used is closed, about. */
  readonly idleMs: number;
  /** Counts the calls of all members: a clock that costs an increment. */
  clock = 0;
  /** Members that wait for room, with the clock at which they began to. */
  readonly #starving = new Map<BudgetMember, number>();
  /** Members with live instances, and how many. */
  readonly #live = new Map<BudgetMember, number>();
  #total = 0;
  #timer: NodeJS.Timeout | undefined;
  #clockAtLastSweep = 0;

  constructor(options: InstanceBudgetOptions = {}) {
    this.maxInstances = positive(options.maxInstances ?? DEFAULT_MAX_INSTANCES, "maxInstances");
    this.idleMs = positive(options.idleMs ?? DEFAULT_IDLE_MS, "idleMs");
  }

  /** Live instances of all members. */
  get live(): number {
    return this.#total;
  }

  /** Whether a member waits for room. */
  get starving(): boolean {
    return this.#starving.size > 0;
  }

  /** Whether a member with calls of its own to serve should give an instance up, since another has waited long enough. */
  get overdue(): boolean {
    if (this.#starving.size === 0) return false;
    const [since] = this.#starving.values();
    return this.clock - (since ?? this.clock) >= this.maxInstances;
  }

  /** Takes room for one instance, evicting an idle one if it must. With `wait`, a member that got none is woken when there is room. */
  reserve(member: BudgetMember, wait: boolean): boolean {
    if (this.#total >= this.maxInstances) this.#evict();
    if (this.#total >= this.maxInstances) {
      if (wait && !this.#starving.has(member)) this.#starving.set(member, this.clock);
      return false;
    }
    this.#starving.delete(member);
    this.#total++;
    this.#live.set(member, (this.#live.get(member) ?? 0) + 1);
    this.#timer ??= setInterval(() => this.#sweep(), this.idleMs).unref();
    return true;
  }

  /** Gives the room of one closed instance back. */
  free(member: BudgetMember): void {
    const left = (this.#live.get(member) ?? 0) - 1;
    if (left > 0) this.#live.set(member, left);
    else this.#live.delete(member);
    this.#total--;
    if (this.#total === 0) this.#stopTimer();
    this.#wakeStarving();
  }

  #wakeStarving(): void {
    // A member that still lacks room goes to the end of the map, so each is woken once.
    for (const member of [...this.#starving.keys()]) {
      if (this.#total >= this.maxInstances) return;
      this.#starving.delete(member);
      member.wake();
    }
  }

  #evict(): void {
    let oldest: BudgetMember | undefined;
    let oldestClock = Number.POSITIVE_INFINITY;
    for (const member of this.#live.keys()) {
      const clock = member.oldestIdle;
      if (clock !== undefined && clock < oldestClock) {
        oldest = member;
        oldestClock = clock;
      }
    }
    oldest?.releaseIdle(oldestClock, 1);
  }

  #sweep(): void {
    const before = this.#clockAtLastSweep;
    this.#clockAtLastSweep = this.clock;
    for (const member of [...this.#live.keys()]) member.releaseIdle(before, Number.POSITIVE_INFINITY);
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#clockAtLastSweep = this.clock;
  }
}

function positive(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new TypeError(`${what} must be a positive integer, and is ${value}`);
  return value;
}

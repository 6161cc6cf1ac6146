import { type Call, type Instance, type Program, UNLIMITED } from "../contract/engine.ts";
import type { BudgetMember, InstanceBudget } from "../contract/instance-budget.ts";
import { lastArrival, QueueEntry, WaitQueue } from "./wait-queue.ts";

/** An instance and when it was last used, on the budget's clock. */
export interface Slot {
  readonly instance: Instance;
  /** It takes calls ahead of their turn. */
  readonly queues: boolean;
  lastUsed: number;
  /** Calls on it: the running one and those sent ahead. */
  load: number;
  /** Set by the module when the engine failed in a way that it did not foresee. */
  broken: boolean;
  /** While the module has yet to give it back after a call that threw: what was thrown, and the next such slot. */
  thrown: unknown;
  nextThrown: Slot | undefined;
}

/** A call that waits for an instance. */
export abstract class Waiter extends QueueEntry {
  /** Takes the slot and must give it back. Must not throw. */
  abstract serve(slot: Slot): void;
  /** No instance could be made for it. Must not throw. */
  abstract refuse(error: unknown): void;
}

export interface PoolOptions {
  readonly size: number;
  /** Waiting calls. */
  readonly queue: number;
  readonly budget: InstanceBudget;
  /** An instance serves one call and ends. */
  readonly fresh?: boolean | undefined;
  /** Milliseconds that the top level of a guest may take. */
  readonly loadTimeoutMs: number | undefined;
  /** Told when an instance fails to close. Must not throw. */
  readonly onCloseError: (error: unknown) => void;
  /** Told when an instance broke. Must not throw. */
  readonly onReplaced: () => void;
}

/** Busy instances that are compared for one call that is sent ahead. */
const MOST_LOOKS = 16;

/**
 * The instances of one module: made on demand up to the pool's size, handed out last-used first so that surplus ones
 * grow idle, and replaced when they break. Calls that find none wait in order.
 *
 * Invariant: while a call waits, no instance is idle, and none that takes calls ahead has room.
 */
export class InstancePool implements BudgetMember {
  readonly #program: Program;
  readonly #options: PoolOptions;
  readonly #budget: InstanceBudget;
  /** Used as a stack. The least recently used is at the bottom. */
  readonly #idle: Slot[] = [];
  /** All live ones that take calls ahead of their turn. */
  readonly #queueing: Slot[] = [];
  readonly #waiting = new WaitQueue<Waiter>();
  /** Calls sent ahead of their turn, which wait as those in the queue do. */
  #sentAhead = 0;
  /** Instances that exist, are being made, or are being closed. */
  #live = 0;
  #creating = 0;
  #created = 0;
  /** Of these, those that were closed since they broke. */
  #replaced = 0;
  /** Instances that exist, also those that are being closed. */
  #instances = 0;
  /** Of these, those that hold a call. */
  #busy = 0;
  #draining = false;
  /** Used last, of those that take calls ahead. */
  #hot: Slot | undefined;
  /** Where the next look at busy instances begins, so that all of them have their turn. */
  #lookFrom = 0;
  #closed: { resolve: () => void } | undefined;

  constructor(program: Program, options: PoolOptions) {
    this.#program = program;
    this.#options = options;
    this.#budget = options.budget;
  }

  get instances(): number {
    return this.#instances;
  }

  get busy(): number {
    return this.#busy;
  }

  get created(): number {
    return this.#created;
  }

  get replaced(): number {
    return this.#replaced;
  }

  /** Waiting calls, those sent ahead included. */
  get queued(): number {
    return this.#waiting.length + this.#sentAhead;
  }

  get sentAhead(): number {
    return this.#sentAhead;
  }

  /** Whether an instance is on its way. */
  get creating(): boolean {
    return this.#creating > 0;
  }

  get oldestIdle(): number | undefined {
    return this.#idle[0]?.lastUsed;
  }

  /** An instance for a call that can wait, when one is idle or can be made at once and nobody waits before it. */
  take(): Slot | undefined {
    // An instance may take more calls since the last look at the queue, as one that was held up does.
    if (this.#waiting.length > 0) return undefined;
    return this.#use(this.#hotOrIdle() ?? this.#leastLoaded() ?? this.#grow(1));
  }

  /** An instance for a call that cannot wait, but until its deadline for one to be made; it goes before those that can. */
  takeNow(deadline: number): Slot | undefined {
    return this.#use(this.#popIdle() ?? this.#grow(Number.POSITIVE_INFINITY, deadline));
  }

  /**
   * Queues a call that `take` had nothing for. `false` when the queue is full.
   *
   * @param gone of the calls sent ahead, those that do not count, since nobody waits for them any more.
   */
  wait(waiter: Waiter, gone: number): boolean {
    this.#push(waiter);
    // An instance that is being made is as good as a place of its own.
    if (waiter.queue === undefined || this.queued - gone <= this.#options.queue + this.#creating) return true;
    this.#waiting.remove(waiter);
    return false;
  }

  /** Queues a call where it was before: it had its turn, and its instance was lost before it started. */
  waitAgain(waiter: Waiter): void {
    this.#waiting.putBack(waiter);
  }

  leave(waiter: Waiter): void {
    this.#waiting.remove(waiter);
  }

  /** Takes back what `take`, `takeNow` or `serve` gave. Where the host's stack has no room for it, it throws and changes nothing. */
  give(slot: Slot, used = true): void {
    const spent = used && this.#options.fresh === true;
    const discard = slot.load === 1 && (spent || isBroken(slot) || this.#mustYield());
    slot.load--;
    if (slot.load > 0) this.#sentAhead--;
    else this.#busy--;
    if (discard) this.#discard(slot);
    else if (slot.load === 0) this.#idle.push(slot);
    if (this.#waiting.length > 0) this.#drain();
    else if (spent) setImmediate(this.#makeSpare);
  }

  /** So that the next call need not wait for its instance. */
  readonly #makeSpare = (): void => {
    if (this.#closed !== undefined || this.#idle.length > 0 || this.#creating > 0) return;
    try {
      const slot = this.#grow(1);
      if (slot !== undefined) this.#offer(slot);
    } catch {
      // The next call hears of it.
    }
  };

  /** Resolves when there is, or was, an instance to run a call on; rejects with what kept it from being made. */
  warm(): Promise<void> {
    return new Promise((resolve, reject) => {
      const slot = this.take();
      const warmUp = new WarmUp(this, resolve, reject);
      if (slot !== undefined) warmUp.serve(slot);
      else this.#push(warmUp);
    });
  }

  releaseIdle(clock: number, most: number): void {
    let count = 0;
    while (count < most && count < this.#idle.length && this.#idle[count]!.lastUsed <= clock) count++;
    for (const slot of this.#idle.splice(0, count)) this.#discard(slot);
  }

  wake(): void {
    this.#drain();
  }

  /** Closes all instances. To be called once, when no call runs or waits; one that is given back later is closed then. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#closed = { resolve };
      this.#program.closing?.();
      this.releaseIdle(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
      if (this.#live === 0) resolve();
    });
  }

  /** Whether an instance is wanted more by another module, or no more at all. */
  #mustYield(): boolean {
    if (this.#closed !== undefined) return true;
    return this.#budget.starving && (this.#waiting.length === 0 || this.#budget.overdue);
  }

  /** Takes in a new instance. It serves a call before it can be wanted elsewhere, or two modules could pass their room to and fro for ever. */
  #offer(slot: Slot): void {
    if (this.#closed !== undefined) {
      this.#discard(slot);
      return;
    }
    this.#idle.push(slot);
    this.#drain();
    if (this.#idle.length > 0 && this.#budget.starving)
      this.releaseIdle(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  }

  #push(waiter: Waiter): void {
    this.#waiting.push(waiter);
    this.#drain();
  }

  #drain(): void {
    // A guest that runs on this thread gives its slot back within `serve`; the loop, not the stack, must take that up.
    if (this.#draining) return;
    this.#draining = true;
    try {
      while (this.#waiting.length > 0) {
        const creating = this.#creating;
        let slot: Slot | undefined;
        try {
          slot = this.#hotOrIdle() ?? this.#leastLoaded() ?? this.#grow(this.#waiting.length);
        } catch (error) {
          this.#waiting.shift()?.refuse(error);
          continue;
        }
        if (slot === undefined) {
          if (this.#creating > creating) continue;
          return;
        }
        this.#use(slot);
        this.#waiting.shift()!.serve(slot);
      }
    } finally {
      this.#draining = false;
    }
  }

  #use<S extends Slot | undefined>(slot: S): S {
    if (slot === undefined) return slot;
    slot.lastUsed = ++this.#budget.clock;
    slot.load++;
    if (slot.load > 1) this.#sentAhead++;
    else this.#busy++;
    if (slot.queues) this.#hot = slot;
    return slot;
  }

  /** The instance used last, where it takes more calls: what goes to one place goes there together. Else one that is idle. */
  #hotOrIdle(): Slot | undefined {
    const hot = this.#hot;
    return hot !== undefined && hot.load > 0 && this.#takesMore(hot) ? hot : this.#popIdle();
  }

  /** An instance may break while it is idle, when what it lives in ends. */
  #popIdle(): Slot | undefined {
    for (;;) {
      const slot = this.#idle.pop();
      if (slot === undefined || slot.instance.broken !== true) return slot;
      this.#discard(slot);
    }
  }

  /** Whether a busy instance takes one more call, and the queue's bound has room for one that waits there. */
  #takesMore({ broken, load, instance }: Slot): boolean {
    return (
      this.#options.fresh !== true &&
      this.#sentAhead < this.#options.queue &&
      !broken &&
      load <= (instance.ahead ?? 0) &&
      instance.broken !== true
    );
  }

  /** A busy instance that takes one more call ahead of its turn. */
  #leastLoaded(): Slot | undefined {
    let best: Slot | undefined;
    const slots = this.#queueing;
    const looks = Math.min(slots.length, MOST_LOOKS);
    for (let look = 0; look < looks; look++) {
      const slot = slots[(this.#lookFrom + look) % slots.length]!;
      if (slot.load > 0 && (best === undefined || slot.load < best.load) && this.#takesMore(slot)) best = slot;
    }
    this.#lookFrom += looks;
    return best;
  }

  /**
   * Starts one more instance where that is allowed and fewer are being made than `demand` calls want. Returns it when the
   * engine makes it at once, and throws what it then throws; else it is handed out when it is ready.
   */
  #grow(demand: number, until = Number.POSITIVE_INFINITY): Slot | undefined {
    if (this.#live >= this.#options.size || this.#creating >= demand) return undefined;
    if (!this.#budget.reserve(this, demand !== Number.POSITIVE_INFINITY)) return undefined;
    this.#live++;
    // Who finds nobody waiting comes into the queue next.
    const begun = lastArrival() + (this.#waiting.length === 0 ? 1 : 0);
    let made: Instance | Promise<Instance>;
    try {
      const now = demand === Number.POSITIVE_INFINITY && this.#program.instantiateSync !== undefined;
      made = now
        ? this.#program.instantiateSync!(this.#startCall(), until)
        : this.#program.instantiate(this.#startCall());
    } catch (error) {
      this.#forget();
      throw error;
    }
    if (!(made instanceof Promise)) return this.#adopt(made);
    this.#creating++;
    made.then(
      (instance) => {
        this.#creating--;
        this.#offer(this.#adopt(instance));
      },
      (error: unknown) => {
        this.#creating--;
        // Before the room is given back: that may start the next attempt, for the next in line. A call that came since has had none.
        const first = this.#waiting.first;
        if (first !== undefined && first.arrival <= begun) this.#waiting.shift()!.refuse(error);
        this.#forget();
        this.#drain();
      },
    );
    return undefined;
  }

  #startCall(): Call {
    const { loadTimeoutMs } = this.#options;
    return loadTimeoutMs === undefined ? UNLIMITED : { deadline: performance.now() + loadTimeoutMs, signal: undefined };
  }

  #adopt(instance: Instance): Slot {
    this.#created++;
    this.#instances++;
    const slot: Slot = {
      instance,
      queues: instance.ahead !== undefined,
      lastUsed: ++this.#budget.clock,
      load: 0,
      broken: false,
      thrown: undefined,
      nextThrown: undefined,
    };
    if (slot.queues) this.#queueing.push(slot);
    return slot;
  }

  #discard(slot: Slot): void {
    if (isBroken(slot)) {
      this.#replaced++;
      this.#options.onReplaced();
    }
    if (slot.queues) this.#queueing.splice(this.#queueing.indexOf(slot), 1);
    if (slot === this.#hot) this.#hot = undefined;
    let closing: undefined | Promise<void>;
    try {
      closing = slot.instance.close() ?? undefined;
    } catch (error) {
      this.#options.onCloseError(error);
    }
    if (closing === undefined) {
      this.#gone();
      return;
    }
    closing.catch(this.#options.onCloseError).then(() => {
      this.#gone();
      this.#drain();
    });
  }

  #gone(): void {
    this.#instances--;
    this.#forget();
  }

  /** Gives back the room of an instance. */
  #forget(): void {
    this.#live--;
    this.#budget.free(this);
    if (this.#live === 0) this.#closed?.resolve();
  }
}

function isBroken({ broken, instance }: Slot): boolean {
  return broken || instance.broken === true;
}

/** A call that only wants to see an instance made. */
class WarmUp extends Waiter {
  readonly #pool: InstancePool;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;

  constructor(pool: InstancePool, resolve: () => void, reject: (error: unknown) => void) {
    super();
    this.#pool = pool;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  override serve(slot: Slot): void {
    this.#pool.give(slot, false);
    this.#resolve();
  }

  override refuse(error: unknown): void {
    this.#reject(error);
  }
}

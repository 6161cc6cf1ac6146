import type { Call, Program } from "../../contract/engine.ts";
import type { InstanceBudget } from "../../contract/instance-budget.ts";
import { type InstanceOptions, type InstanceOwner, LiveInstances } from "./live-instances.ts";
import { isBroken, type Slot, Waiter } from "./slot.ts";
import { lastArrival, WaitQueue } from "./wait-queue.ts";

export interface PoolOptions extends InstanceOptions {
  /** Waiting calls. */
  readonly queue: number;
  /** An instance serves one call and ends. */
  readonly fresh?: boolean | undefined;
}

/** Busy instances that are compared for one call that is sent ahead. */
const MOST_LOOKS = 16;

/**
 * The instances of one module: made on demand up to the pool's size, handed out last-used first so that surplus ones
 * grow idle, and replaced when they break. Calls that find none wait in order.
 *
 * Invariant: while a call waits, no instance is idle, and none that takes calls ahead has room.
 */
export class InstancePool implements InstanceOwner {
  readonly #program: Program;
  readonly #options: PoolOptions;
  readonly #budget: InstanceBudget;
  readonly #instances: LiveInstances;
  /** Used as a stack. The least recently used is at the bottom. */
  readonly #idle: Slot[] = [];
  /** All live ones that take calls ahead of their turn. */
  readonly #queueing: Slot[] = [];
  readonly #waiting = new WaitQueue<Waiter>();
  /** Calls sent ahead of their turn, which wait as those in the queue do. */
  #sentAhead = 0;
  /** Instances that hold a call. */
  #busy = 0;
  #draining = false;
  /** Used last, of those that take calls ahead. */
  #hot: Slot | undefined;
  /** Where the next look at busy instances begins, so that all of them have their turn. */
  #lookFrom = 0;
  #closed = false;

  constructor(program: Program, options: PoolOptions) {
    this.#program = program;
    this.#options = options;
    this.#budget = options.budget;
    this.#instances = new LiveInstances(program, options, this);
  }

  get instances(): number {
    return this.#instances.count;
  }

  get busy(): number {
    return this.#busy;
  }

  get created(): number {
    return this.#instances.created;
  }

  get replaced(): number {
    return this.#instances.replaced;
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
    return this.#instances.creating > 0;
  }

  get hasIdle(): boolean {
    return this.#idle.length > 0;
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
  takeNow(call: Call): Slot | undefined {
    return this.#use(this.#popIdle() ?? this.#grow(Number.POSITIVE_INFINITY, call.deadline));
  }

  /**
   * Queues a call that `take` had nothing for. `false` when the queue is full.
   *
   * @param gone of the calls sent ahead, those that do not count, since nobody waits for them any more.
   */
  wait(waiter: Waiter, gone: number): boolean {
    this.#push(waiter);
    // An instance that is being made is as good as a place of its own.
    if (waiter.queue === undefined || this.queued - gone <= this.#options.queue + this.#instances.creating) return true;
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
    if (this.#closed || this.#idle.length > 0 || this.#instances.creating > 0) return;
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

  made(slot: Slot): void {
    if (slot.queues) this.#queueing.push(slot);
    this.#offer(slot);
  }

  /** The first in line is refused. A call that came since the attempt began has had none. */
  notMade(error: unknown, begun: number): void {
    // The room is given back afterwards: that may start the next attempt, for the next in line.
    const first = this.#waiting.first;
    if (first !== undefined && first.arrival <= begun) this.#waiting.shift()!.refuse(error);
  }

  /** Closes all instances. To be called once, when no call runs or waits; one that is given back later is closed then. */
  close(): Promise<void> {
    this.#closed = true;
    this.#program.closing?.();
    this.releaseIdle(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    return this.#instances.none();
  }

  /** Whether an instance is wanted more by another module, or no more at all. */
  #mustYield(): boolean {
    if (this.#closed) return true;
    return this.#budget.starving && (this.#waiting.length === 0 || this.#budget.overdue);
  }

  /** Takes in a new instance. It serves a call before it can be wanted elsewhere, or two modules could pass their room to and fro for ever. */
  #offer(slot: Slot): void {
    if (this.#closed) {
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
        const { creating } = this.#instances;
        let slot: Slot | undefined;
        try {
          slot = this.#hotOrIdle() ?? this.#leastLoaded() ?? this.#grow(this.#waiting.length);
        } catch (error) {
          this.#waiting.shift()?.refuse(error);
          continue;
        }
        if (slot === undefined) {
          if (this.#instances.creating > creating) continue;
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

  /** One more instance, where it is there at once; else it is handed out when it is ready. */
  #grow(demand: number, until = Number.POSITIVE_INFINITY): Slot | undefined {
    // Who finds nobody waiting comes into the queue next.
    const begun = lastArrival() + (this.#waiting.length === 0 ? 1 : 0);
    const slot = this.#instances.grow(demand, until, begun);
    if (slot?.queues === true) this.#queueing.push(slot);
    return slot;
  }

  #discard(slot: Slot): void {
    if (slot.queues) this.#queueing.splice(this.#queueing.indexOf(slot), 1);
    if (slot === this.#hot) this.#hot = undefined;
    this.#instances.close(slot);
  }
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

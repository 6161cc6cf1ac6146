import { type Call, type Instance, type Program, UNLIMITED } from "../../contract/engine.ts";
import type { BudgetMember, InstanceBudget } from "../../contract/instance-budget.ts";
import { isBroken, type Slot } from "./slot.ts";

export interface InstanceOptions {
  /** Instances at a time. */
  readonly size: number;
  readonly budget: InstanceBudget;
  /** Milliseconds that the top level of a guest may take. */
  readonly loadTimeoutMs: number | undefined;
  /** Told when an instance fails to close. Must not throw. */
  readonly onCloseError: (error: unknown) => void;
  /** Told when an instance broke. Must not throw. */
  readonly onReplaced: () => void;
}

/** The pool, as its instances see it. */
export interface InstanceOwner extends BudgetMember {
  /** An instance that took its time is ready. */
  made(slot: Slot): void;
  /** It could not be made. Its room is given back afterwards. */
  notMade(error: unknown, begun: number): void;
}

/** The instances that a pool has room for, from their making to their close. */
export class LiveInstances {
  readonly #program: Program;
  readonly #options: InstanceOptions;
  readonly #budget: InstanceBudget;
  readonly #owner: InstanceOwner;
  /** Instances that exist, are being made, or are being closed. */
  #live = 0;
  #creating = 0;
  #created = 0;
  /** Of these, those that were closed since they broke. */
  #replaced = 0;
  /** Instances that exist, also those that are being closed. */
  #count = 0;
  #onNone: (() => void) | undefined;

  constructor(program: Program, options: InstanceOptions, owner: InstanceOwner) {
    this.#program = program;
    this.#options = options;
    this.#budget = options.budget;
    this.#owner = owner;
  }

  get count(): number {
    return this.#count;
  }

  /** How many are on their way. */
  get creating(): number {
    return this.#creating;
  }

  get created(): number {
    return this.#created;
  }

  get replaced(): number {
    return this.#replaced;
  }

  /**
   * Starts one more instance where that is allowed and fewer are being made than `demand` calls want. Returns it when the
   * engine makes it at once, and throws what it then throws; else its owner is told when it is ready.
   *
   * @param begun goes to {@link InstanceOwner.notMade}.
   */
  grow(demand: number, until: number, begun: number): Slot | undefined {
    if (this.#live >= this.#options.size || this.#creating >= demand) return undefined;
    if (!this.#budget.reserve(this.#owner, demand !== Number.POSITIVE_INFINITY)) return undefined;
    this.#live++;
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
        this.#owner.made(this.#adopt(instance));
      },
      (error: unknown) => {
        this.#creating--;
        this.#owner.notMade(error, begun);
        this.#forget();
        this.#owner.wake();
      },
    );
    return undefined;
  }

  close(slot: Slot): void {
    if (isBroken(slot)) {
      this.#replaced++;
      this.#options.onReplaced();
    }
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
      this.#owner.wake();
    });
  }

  /** Resolves when there is none, and none on its way. To be called once. */
  none(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#live === 0) resolve();
      else this.#onNone = resolve;
    });
  }

  #startCall(): Call {
    const { loadTimeoutMs } = this.#options;
    return loadTimeoutMs === undefined ? UNLIMITED : { deadline: performance.now() + loadTimeoutMs, signal: undefined };
  }

  #adopt(instance: Instance): Slot {
    this.#created++;
    this.#count++;
    return {
      instance,
      queues: instance.ahead !== undefined,
      lastUsed: ++this.#budget.clock,
      load: 0,
      broken: false,
      thrown: undefined,
      nextThrown: undefined,
    };
  }

  #gone(): void {
    this.#count--;
    this.#forget();
  }

  /** Gives back the room of an instance. */
  #forget(): void {
    this.#live--;
    this.#budget.free(this.#owner);
    if (this.#live === 0) this.#onNone?.();
  }
}

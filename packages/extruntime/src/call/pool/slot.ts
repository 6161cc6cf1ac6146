import type { Instance } from "../../contract/engine.ts";
import { QueueEntry } from "./wait-queue.ts";

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

export function isBroken({ broken, instance }: Slot): boolean {
  return broken || instance.broken === true;
}

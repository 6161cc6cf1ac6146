import { ExtensionError } from "extruntime/engine";
import type { Guest } from "./guest.ts";
import { isTimeout, thrownAtTopLevel, timedOut } from "./outcome.ts";

/** Something that isolated-vm does off this thread or on it. */
export interface Step<Result> {
  later(): Promise<Result>;
  /** `limits` are for what runs guest code. */
  now(limits: { timeout?: number }): Result;
}

/** Work that is made of steps, so that it is written once for both. */
export type Steps<Result> = Generator<Step<unknown>, Result, unknown>;

/** One step of a work: `const context = yield* step({ … })`. */
export function* step<Result>(one: Step<Result>): Steps<Result> {
  return (yield one) as Result;
}

/** Does the steps off this thread. What they throw are ExtensionErrors. */
export async function runLater<Result>(guest: Guest, steps: Steps<Result>): Promise<Result> {
  let next = steps.next();
  while (next.done !== true) {
    let result: unknown;
    try {
      result = await guest.run(next.value.later);
    } catch (error) {
      next = steps.throw(asExtensionError(error));
      continue;
    }
    next = steps.next(result);
  }
  return next.value;
}

/** Does the steps on this thread, until a time on the clock of `performance.now()`. What they throw are ExtensionErrors. */
export function runNow<Result>(guest: Guest, steps: Steps<Result>, deadline: number): Result {
  guest.enter();
  try {
    return runHere(guest, steps, deadline);
  } finally {
    guest.leave();
  }
}

function runHere<Result>(guest: Guest, steps: Steps<Result>, deadline: number): Result {
  let next = steps.next();
  while (next.done !== true) {
    let result: unknown;
    try {
      result = next.value.now(timeUntil(deadline));
    } catch (error) {
      if (isTimeout(error)) guest.kill(timedOut());
      next = steps.throw(asExtensionError(guest.explain(error)));
      continue;
    }
    next = steps.next(result);
  }
  return next.value;
}

/** Whole milliseconds, at least one, as isolated-vm takes them. */
export function timeUntil(deadline: number): { timeout?: number } {
  if (deadline === Number.POSITIVE_INFINITY) return {};
  return { timeout: Math.max(1, Math.ceil(deadline - performance.now())) };
}

function asExtensionError(error: unknown): unknown {
  return ExtensionError.is(error) ? error : thrownAtTopLevel(error);
}

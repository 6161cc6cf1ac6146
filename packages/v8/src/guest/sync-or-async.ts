import { ExtensionError } from "extruntime/engine";
import type { Guest } from "./guest.ts";
import { thrownAtTopLevel } from "./outcome.ts";

/** Something that isolated-vm does off this thread or on it. */
export interface Step<Result> {
  later(): Promise<Result>;
  now(): Result;
}

/** Work that is made of steps, so that it is written once for both. */
export type Steps<Result> = Generator<Step<unknown>, Result, unknown>;

/** One step of a work: `const context = yield* step({ … })`. */
export function* step<Result>(one: Step<Result>): Steps<Result> {
  return (yield one) as Result;
}

/** Does the steps off this thread. What they throw are ExtensionErrors. */
export async function runLater<Result>(guest: Guest, steps: Steps<Result>): Promise<Result> {
  try {
    return await runAway(guest, steps);
  } catch (error) {
    // Between two steps isolated-vm says only that the isolate is gone.
    throw guest.broken ? guest.failure : error;
  }
}

async function runAway<Result>(guest: Guest, steps: Steps<Result>): Promise<Result> {
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
    return guest.runUntil(deadline, () => runHere(guest, steps));
  } finally {
    guest.leave();
  }
}

function runHere<Result>(guest: Guest, steps: Steps<Result>): Result {
  let next = steps.next();
  while (next.done !== true) {
    let result: unknown;
    try {
      result = next.value.now();
    } catch (error) {
      next = steps.throw(asExtensionError(guest.explain(error)));
      continue;
    }
    next = steps.next(result);
  }
  return next.value;
}

function asExtensionError(error: unknown): unknown {
  return ExtensionError.is(error) ? error : thrownAtTopLevel(error);
}

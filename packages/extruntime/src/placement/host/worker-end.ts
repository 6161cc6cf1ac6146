import { NOT_STARTED } from "../../contract/engine.ts";
import { ExtensionError } from "../../errors.ts";
import type { Death } from "../wire/link.ts";
import type { RemoteCall } from "./calls/remote-call.ts";
import type { WorkerKind } from "./placed-worker.ts";

/** Of each call that a worker held when it ended, whether it can be done again elsewhere. */
export function whichUntouched(
  held: readonly RemoteCall[],
  unstarted: readonly boolean[],
  expected: boolean,
): boolean[] {
  return held.map(
    (call, index) =>
      (unstarted[index] === true && !call.later && !call.started) || (expected && call.repeatable !== undefined),
  );
}

/** Fails the calls that a worker held when it ended, in their order. `untouched`: of each, whether it can be done again. */
export function failHeld(
  kind: WorkerKind,
  death: Death,
  held: readonly RemoteCall[],
  untouched: readonly boolean[],
): void {
  // Of several asynchronous calls, any may have taken the memory.
  const several = untouched.filter((each) => !each).length > 1;
  held.forEach((call, index) => {
    call.fail(untouched[index] ? NOT_STARTED : lost(kind, death, call.later && several), true);
  });
}

/** @param perhapsOther another call may have ended the worker. */
export function lost(kind: WorkerKind, { how, memory, cause }: Death, perhapsOther: boolean): ExtensionError {
  const code = memory && !perhapsOther ? "ERR_EXT_MEMORY" : "ERR_EXT_CRASHED";
  return new ExtensionError(code, `its ${kind} ${how}`, { cause });
}

import type { Call } from "../contract/engine.ts";
import { ExtensionError } from "../errors.ts";

/** What a module answers in place of a guest. */

export function notText(fn: unknown, payload: unknown): TypeError {
  if (typeof fn !== "string") return new TypeError(`a function's name must be a string, and is ${typeof fn}`);
  return new TypeError(`a payload must be JSON text in a string, and is ${typeof payload}; call() takes values`);
}

export function unknownFunction(exports: readonly string[]): ExtensionError {
  return new ExtensionError(
    "ERR_EXT_UNKNOWN_FUNCTION",
    `its manifest does not export such a function; it exports ${exports.join(", ")}`,
  );
}

export function queueFull(queue: number | undefined): ExtensionError {
  return new ExtensionError(
    "ERR_EXT_BUSY",
    `every instance is busy and the queue of ${queue} is full; raise limits.maxQueue or limits.maxInstances, or call less at a time`,
  );
}

export function noSync(runtime: string): ExtensionError {
  return new ExtensionError("ERR_EXT_UNSUPPORTED", `the ${runtime} runtime has no synchronous calls; use invoke`);
}

/** @param creating its first instance is being made. */
export function notNow(creating: boolean): ExtensionError {
  return new ExtensionError(
    "ERR_EXT_BUSY",
    creating
      ? "its first instance is still being made; call invoke once before, or load without `lazy`"
      : "every instance is busy, and a synchronous call cannot wait; use invoke, or raise limits.maxInstances",
  );
}

export function crashOf(runtime: string, error: unknown): ExtensionError {
  return new ExtensionError("ERR_EXT_CRASHED", `the ${runtime} engine failed: ${String(error)}`, { cause: error });
}

/** Whether an engine failed in a way that it did not foresee: anything but an ExtensionError and the reason of an abort. */
export function isCrash(error: unknown, call: Call): boolean {
  return !ExtensionError.is(error) && !(call.signal?.aborted === true && error === call.signal.reason);
}

import { type Call, type Engine, type Instance, UNLIMITED } from "../../contract/engine.ts";
import { ExtensionError } from "../../errors.ts";
import { FLAG, NO_DEADLINE } from "../wire/protocol.ts";

/** What frames say of a call, in the terms of an engine, and the other way round. */

export function limits(time: number, signal: AbortSignal | undefined): Call {
  if (time === NO_DEADLINE && signal === undefined) return UNLIMITED;
  return { deadline: time === NO_DEADLINE ? Number.POSITIVE_INFINITY : performance.now() + time, signal };
}

/** The same for the call of a guest, which is known by it: for what it says, and for the host functions that it calls. */
export class KeyedCall implements Call {
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
  readonly key: number;
  ended = false;

  constructor({ deadline, signal }: Call, key: number) {
    this.deadline = deadline;
    this.signal = signal;
    this.key = key;
  }
}

/** A key is used again when its call has ended, so one that has ended has none; nor has what is no guest's call. */
export function keyOf(call: Call | undefined): number | undefined {
  return call instanceof KeyedCall && !call.ended ? call.key : undefined;
}

/** The host has marked the call; a signal fires when it is looked at. */
export function fire(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

export function brokenFlag(instance: Instance): number {
  return instance.broken === true ? FLAG.broken : 0;
}

/** A guest's error, in a process with a limit: where the engine knows it for a refused allocation, it tells of the limit. */
export function asMemoryError(error: unknown, engine: Pick<Engine, "isOutOfMemory">): unknown {
  if (!ExtensionError.is(error, "ERR_EXT_GUEST") || error.guest === undefined) return error;
  if (engine.isOutOfMemory?.(error.guest) !== true) return error;
  return new ExtensionError("ERR_EXT_MEMORY", `the guest hit its memory limit: ${error.message}`, { cause: error });
}

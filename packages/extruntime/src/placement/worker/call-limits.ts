import { type Call, type Instance, UNLIMITED } from "../../contract/engine.ts";
import { ExtensionError, type GuestErrorDetails } from "../../errors.ts";
import { isRefusedBuffer } from "../../kit/refused-buffer.ts";
import { FLAG, NO_DEADLINE } from "../wire/protocol.ts";

/** What frames say of a call, in the terms of an engine, and the other way round. */

export function limits(time: number, signal: AbortSignal | undefined): Call {
  if (time === NO_DEADLINE && signal === undefined) return UNLIMITED;
  return { deadline: time === NO_DEADLINE ? Number.POSITIVE_INFINITY : performance.now() + time, signal };
}

/** The host has marked the call; a signal fires when it is looked at. */
export function fire(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

export function brokenFlag(instance: Instance): number {
  return instance.broken === true ? FLAG.broken : 0;
}

/** What a guest sees of an allocation that its worker's limit did not allow, where that is the limit in memory. */
export function inMemoryTerms(error: unknown, limited: boolean): unknown {
  if (!limited || !ExtensionError.is(error, "ERR_EXT_GUEST") || error.guest === undefined) return error;
  if (!isRefusedBuffer(error.guest) && !isPythonOutOfMemory(error.guest)) return error;
  return new ExtensionError("ERR_EXT_MEMORY", `the guest hit its memory limit: ${error.message}`, { cause: error });
}

/** The line of a traceback's last frame, and what follows it up to the error itself. */
const LAST_FRAME = /^ {2}File .*\n {4}(\S.*)\n(?!(?:.*\n)*? {2}File )/m;

/** A `MemoryError` that no `raise` of the guest's made. */
function isPythonOutOfMemory({ name, stack }: GuestErrorDetails): boolean {
  return name.endsWith("MemoryError") && !/^raise\b/.test(LAST_FRAME.exec(stack)?.[1] ?? "");
}

import { type AppliedLimits, type LimitSources, limitText } from "../contract/applied-limits.ts";
import type { Call } from "../contract/engine.ts";
import { addToMessage, type ExtensionError } from "../errors.ts";
import type { LimitedCall } from "./limits.ts";

/** The limits of a module, and who set each. */
interface Told {
  readonly limits: AppliedLimits;
  readonly limitSources: LimitSources;
}

const LIMIT_NAME = /\blimits\.([A-Za-z]+)/;

/**
 * Adds to the message of an error about a limit its value, who set it, and the remedy. Engines know only that it was passed, and whoever
 * reads the error has to know where to change it.
 *
 * @param call whose limits may have ended it; without one, no time of a call is meant.
 */
export function tellLimit(error: ExtensionError, { limits, limitSources }: Told, call?: LimitedCall): void {
  // One that says where it happened was told before.
  if (error.extension !== undefined) return;
  const name = limitOf(error, limits, call);
  if (name === undefined) return;
  if (name === "timeoutMs" && call?.ownTimeoutMs !== undefined) {
    addToMessage(error, ` (timeoutMs of ${call.ownTimeoutMs}, set by the call: raise it, or have the guest do less)`);
    return;
  }
  const value = limits[name];
  if (value === undefined) return;
  const remedy = REMEDIES[error.code] ?? "";
  addToMessage(error, ` (${limitText(name, value, limitSources[name] ?? "default")}${remedy})`);
}

/** Where the message does not have one of its own. */
const REMEDIES: Readonly<Record<string, string>> = {
  ERR_EXT_TIMEOUT: ": raise it, or have the guest do less",
  ERR_EXT_MEMORY: ": raise it, or have the guest need less",
};

function limitOf(
  { code, message }: ExtensionError,
  limits: AppliedLimits,
  call: Call | undefined,
): keyof AppliedLimits | undefined {
  switch (code) {
    case "ERR_EXT_TIMEOUT":
      // A call may wait for an instance whose top level runs out of its own time.
      return call === undefined || call.deadline > performance.now() ? "loadTimeoutMs" : "timeoutMs";
    case "ERR_EXT_MEMORY":
      return "memoryMb";
    case "ERR_EXT_BAD_PAYLOAD":
    case "ERR_EXT_BAD_RESULT":
    case "ERR_EXT_BUSY": {
      const name = LIMIT_NAME.exec(message)?.[1];
      return name !== undefined && Object.hasOwn(limits, name) ? (name as keyof AppliedLimits) : undefined;
    }
    default:
      return undefined;
  }
}

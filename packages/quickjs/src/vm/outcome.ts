import { ExtensionError, type GuestErrorDetails, guestError } from "extruntime/engine";

/** A syntax error's message with the place that its stack begins with, since that is all a log may show. */
export function atPlace(error: ExtensionError): ExtensionError {
  const { guest } = error;
  const place =
    guest?.name === "SyntaxError" ? /^\s*at (?:\S+ \()?(\S+:\d+(?::\d+)?)\)?$/m.exec(guest.stack)?.[1] : undefined;
  if (guest === undefined || place === undefined) return error;
  return new ExtensionError("ERR_EXT_GUEST", `${error.message} (${place})`, { guest });
}

export function outOfMemory(cause?: unknown): ExtensionError {
  return new ExtensionError(
    "ERR_EXT_MEMORY",
    "it needs more memory than it may have: limits.memoryMb, or without it what the quickjs runtime gives all instances of a module (defaultMemoryMb, 256)",
    { cause },
  );
}

/** The host's own stack ended, or QuickJS itself failed: its memory can't be used any more. */
export function brokenMachine(error: unknown): ExtensionError {
  if (error instanceof RangeError)
    return guestError({ name: "RangeError", message: "Maximum call stack size exceeded", stack: "" }, error);
  const why = error instanceof Error ? error.message : String(error);
  return new ExtensionError("ERR_EXT_CRASHED", `QuickJS failed: ${why}`, { cause: error });
}

/** A guest called the host, and another one that shares its memory broke that meanwhile. */
export function lostMemory(): ExtensionError {
  return new ExtensionError(
    "ERR_EXT_CRASHED",
    "another guest broke the memory that they share, while this one waited for the host",
  );
}

export function isOutOfMemory(details: GuestErrorDetails): boolean {
  return details.name === "InternalError" && details.message === "out of memory";
}

/** QuickJS's parser calls the end of its stack a SyntaxError. */
export function isTooDeep(details: GuestErrorDetails): boolean {
  return details.message === "stack overflow";
}

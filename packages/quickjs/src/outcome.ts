import { ExtensionError, type ExtensionErrorCode, type GuestErrorDetails, guestError } from "extruntime/engine";
import { DISPATCHER_FILE, MARK } from "./dispatcher.ts";

/** What the dispatcher's answer means: JSON text, or an error to throw. `thrown` makes the error for what a guest threw. */
export function readOutcome(answer: string, thrown: (details: GuestErrorDetails) => ExtensionError): string {
  switch (answer[0]) {
    case MARK.thrown:
      throw thrown(readDetails(answer));
    case MARK.badPayload:
      throw noJson("ERR_EXT_BAD_PAYLOAD", "the payload is not JSON", thrown(readDetails(answer)));
    case MARK.badResult:
      throw noJson("ERR_EXT_BAD_RESULT", "the result has no JSON form", thrown(readDetails(answer)));
    case MARK.pending:
      throw new ExtensionError(
        "ERR_EXT_GUEST",
        "its promise can never settle: nothing is left to run in the guest (there are no timers and no input in it)",
        { guest: { name: "Error", message: "the promise never settles", stack: "" } },
      );
    default:
      return answer;
  }
}

/** The three strings of a description, without the dispatcher's own frames in the stack. */
export function readDetails(description: string): GuestErrorDetails {
  const [name, message, stack] = JSON.parse(description.slice(1)) as [string, string, string];
  return { name, message, stack: withoutDispatcher(stack).trimEnd() };
}

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

function noJson(code: ExtensionErrorCode, what: string, error: ExtensionError): ExtensionError {
  if (error.code === "ERR_EXT_MEMORY") return error;
  const message = error.guest?.message ?? error.message;
  // QuickJS's parser calls the end of its stack a SyntaxError.
  const why = message === "stack overflow" ? "it is nested too deeply for QuickJS" : message;
  return new ExtensionError(code, `${what}: ${why}`, { cause: error });
}

export function isOutOfMemory(details: GuestErrorDetails): boolean {
  return details.name === "InternalError" && details.message === "out of memory";
}

/** Text that may hold a stack, without the dispatcher's frames. */
export function withoutDispatcher(text: string): string {
  if (!text.includes(DISPATCHER_FILE)) return text;
  const lines = text.split("\n").filter((line) => !line.includes(DISPATCHER_FILE));
  return lines.join("\n");
}

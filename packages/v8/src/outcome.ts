import {
  type Bounds,
  ExtensionError,
  type ExtensionErrorCode,
  type GuestErrorDetails,
  guestError,
  isRefusedBuffer,
  resultTooLong,
} from "extruntime/engine";
import { DISPATCHER_FILE, MARK } from "./dispatcher.ts";

/** isolated-vm marks in a stack where one isolate called another; below it are the host's own frames. */
const BOUNDARY = /\n\s*at \(<isolated-vm boundary>\)[\s\S]*$/;
/** isolated-vm puts the place of a syntax error at the end of its message. */
const PLACE = / \[([^[\]]+:\d+:\d+)\]$/;
/** A line of a stack. */
const FRAME = /^\s*at /;
/** What isolated-vm throws in place of an object that is no `Error`. */
const NO_ERROR = /^An object was thrown from supplied code within isolated-vm/;

/** What the dispatcher's answer means: JSON text, or an error to throw. */
export function readOutcome(answer: string, bounds: Bounds): string {
  switch (answer[0]) {
    case MARK.thrown:
      throw thrown(readDetails(answer));
    case MARK.badPayload:
      throw noJson("ERR_EXT_BAD_PAYLOAD", "the payload is not JSON", thrown(readDetails(answer)));
    case MARK.badResult:
      throw noJson("ERR_EXT_BAD_RESULT", "the result has no JSON form", thrown(readDetails(answer)));
    case MARK.tooLong:
      throw resultTooLong(Number(answer.slice(1)), bounds);
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

/** The error for what came out of an isolate as an exception of isolated-vm: a copy of what the guest's top level threw. */
export function thrownAtTopLevel(error: unknown): ExtensionError {
  if (!(error instanceof Error)) return guestError({ name: "thrown value", message: String(error), stack: "" });
  if (NO_ERROR.test(error.message))
    return guestError({ name: "thrown value", message: "(an object that is not an Error)", stack: "" });
  const stack = withoutDispatcher((error.stack ?? "").replace(BOUNDARY, ""));
  const place = error.name === "SyntaxError" ? PLACE.exec(error.message)?.[1] : undefined;
  if (place === undefined) return thrown({ name: error.name, message: error.message, stack });
  const message = error.message.replace(PLACE, "");
  const guest = { name: error.name, message, stack: `SyntaxError: ${message}\n    at ${place}` };
  return new ExtensionError("ERR_EXT_GUEST", `SyntaxError: ${message} (${place})`, { guest });
}

export function isSyntaxError(error: unknown): error is ExtensionError {
  return ExtensionError.is(error, "ERR_EXT_GUEST") && error.guest?.name === "SyntaxError";
}

export function outOfMemory(cause?: unknown): ExtensionError {
  return new ExtensionError("ERR_EXT_MEMORY", "it needs more memory than it may have (limits.memoryMb)", { cause });
}

export function timedOut(): ExtensionError {
  return new ExtensionError("ERR_EXT_TIMEOUT", "it was stopped at its deadline");
}

/** Whether isolated-vm dropped an operation that it had not begun, as the isolate had ended. These are its words. */
export function neverRan(error: unknown): boolean {
  return error instanceof Error && error.message === "Isolate is disposed";
}

/** Text that may hold a stack, without the dispatcher's frames. */
export function withoutDispatcher(text: string): string {
  if (!text.includes(DISPATCHER_FILE)) return text;
  const lines = text.split("\n").filter((line) => !(FRAME.test(line) && line.includes(DISPATCHER_FILE)));
  return lines.join("\n");
}

/** The three strings of a description, without the dispatcher's own frames in the stack. */
function readDetails(description: string): GuestErrorDetails {
  const [name, message, stack] = JSON.parse(description.slice(1)) as [string, string, string];
  return { name, message, stack: withoutDispatcher(stack).trimEnd() };
}

/** V8 tells of a buffer that the isolate's allocator refused with this error. */
function thrown(details: GuestErrorDetails): ExtensionError {
  return isRefusedBuffer(details) ? outOfMemory(guestError(details)) : guestError(details);
}

function noJson(code: ExtensionErrorCode, what: string, error: ExtensionError): ExtensionError {
  if (error.code === "ERR_EXT_MEMORY") return error;
  const message = error.guest?.message ?? error.message;
  const why =
    error.guest?.name === "RangeError" && /call stack/.test(message) ? "it is nested too deeply for V8" : message;
  return new ExtensionError(code, `${what}: ${why}`, { cause: error });
}

import {
  type Bounds,
  ExtensionError,
  type GuestErrorDetails,
  guestError,
  isRefusedBuffer,
  resultTooLong,
} from "extruntime/engine";
import { MARK, type OwnErrors, readOutcome as readAnswer, withoutDispatcher } from "../guest-javascript/index.ts";

/** isolated-vm marks in a stack where one isolate called another; below it are the host's own frames. */
const BOUNDARY = /\n\s*at \(<isolated-vm boundary>\)[\s\S]*$/;
/** isolated-vm puts the place of a syntax error at the end of its message. */
const PLACE = / \[([^[\]]+:\d+:\d+)\]$/;
/** What isolated-vm throws in place of an object that is no `Error`. */
const NO_ERROR = /^An object was thrown from supplied code within isolated-vm/;

const OWN_ERRORS: OwnErrors = {
  vm: "V8",
  thrown,
  tooDeep: ({ name, message }) => name === "RangeError" && /call stack/.test(message),
};

/** What the dispatcher's answer means: JSON text, or an error to throw. */
export function readOutcome(answer: string, bounds: Bounds): string {
  if (answer[0] === MARK.tooLong) throw resultTooLong(Number(answer.slice(1)), bounds);
  return readAnswer(answer, OWN_ERRORS);
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

export function outOfMemory(cause?: unknown): ExtensionError {
  return new ExtensionError(
    "ERR_EXT_MEMORY",
    "it needs more memory than it may have: limits.memoryMb, or without it the 128 MiB that the v8 runtime gives an isolate",
    { cause },
  );
}

export function timedOut(): ExtensionError {
  return new ExtensionError("ERR_EXT_TIMEOUT", "it was stopped at its deadline");
}

/** Whether isolated-vm dropped an operation that it had not begun, as the isolate had ended. These are its words. */
export function neverRan(error: unknown): boolean {
  return error instanceof Error && error.message === "Isolate is disposed";
}

/** V8 tells of a buffer that the isolate's allocator refused with this error. */
function thrown(details: GuestErrorDetails): ExtensionError {
  return isRefusedBuffer(details) ? outOfMemory(guestError(details)) : guestError(details);
}

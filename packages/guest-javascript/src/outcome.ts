import { ExtensionError, type ExtensionErrorCode, type GuestErrorDetails, readDescription } from "extruntime/engine";
import { DISPATCHER_FILE, MARK } from "./dispatcher.ts";

/** A line of a stack. */
const FRAME = /^\s*at /;

/** What an engine knows of its own errors. */
export interface OwnErrors {
  /** The error for what a guest threw. */
  thrown(details: GuestErrorDetails): ExtensionError;
  /** Whether a value is nested more deeply than the engine's JSON can follow. */
  tooDeep(details: GuestErrorDetails): boolean;
  /** Name of the engine's VM, for messages. */
  readonly vm: string;
}

/** What the dispatcher's answer means: JSON text, or an error to throw. */
export function readOutcome(answer: string, own: OwnErrors): string {
  switch (answer[0]) {
    case MARK.thrown:
      throw own.thrown(readDetails(answer));
    case MARK.badPayload:
      throw noJson("ERR_EXT_BAD_PAYLOAD", "the payload is not JSON", readDetails(answer), own);
    case MARK.badResult:
      throw noJson("ERR_EXT_BAD_RESULT", "the result has no JSON form", readDetails(answer), own);
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

/** What a description tells, without the dispatcher's own frames in the stacks. */
export function readDetails(description: string): GuestErrorDetails {
  return readDescription(description, (stack) => withoutDispatcher(stack).trimEnd());
}

/** Text that may hold a stack, without the dispatcher's frames. */
export function withoutDispatcher(text: string): string {
  if (!text.includes(DISPATCHER_FILE)) return text;
  const lines = text.split("\n").filter((line) => !(FRAME.test(line) && line.includes(DISPATCHER_FILE)));
  return lines.join("\n");
}

function noJson(code: ExtensionErrorCode, what: string, details: GuestErrorDetails, own: OwnErrors): ExtensionError {
  const error = own.thrown(details);
  if (error.code === "ERR_EXT_MEMORY") return error;
  const why = own.tooDeep(details) ? `it is nested too deeply for ${own.vm}` : details.message;
  return new ExtensionError(code, `${what}: ${why}`, { cause: error });
}

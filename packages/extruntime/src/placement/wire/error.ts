import { boundError, cut } from "../../contract/bounds.ts";
import { errorDetails } from "../../contract/error-details.ts";
import { ERROR_CODES, ExtensionError, type ExtensionErrorCode, type GuestErrorDetails } from "../../errors.ts";
import { shown } from "./shown.ts";

/** An error on its way from a worker, as JSON. What comes from there is not trusted: it is read with care. */

interface ErrorMessage {
  readonly code: ExtensionErrorCode;
  readonly message: string;
  readonly stack: string | undefined;
  readonly function: string | undefined;
  readonly guest: GuestErrorDetails | undefined;
  /** Of the cause, as text: an object would not be the same one here. */
  readonly cause: CauseMessage | undefined;
}

interface CauseMessage {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}

/** Characters of each text of an error that a frame takes: the host cuts at `limits.errorChars` once more. */
const MOST_CHARS = 65_536;

/** Any error: one that is no ExtensionError is a fault of the engine. Never throws. */
export function errorToJson(error: unknown): string {
  try {
    return toJson(ExtensionError.is(error) ? error : engineFault(error));
  } catch {
    // A guest's object that throws when it is looked at.
    return toJson(engineFault("what it threw cannot be shown"));
  }
}

function toJson(known: ExtensionError): string {
  const { code, message, stack, guest } = boundError(known, MOST_CHARS);
  const sent: ErrorMessage = { code, message, stack, function: known.function, guest, cause: causeOf(known.cause) };
  return JSON.stringify(sent);
}

/** `undefined` where no worker of ours wrote it. Never throws. */
export function errorFromJson(text: string): ExtensionError | undefined {
  const sent = parse(text);
  if (!isErrorMessage(sent)) return undefined;
  const { code, message, stack, function: fn, guest, cause } = sent;
  const error = new ExtensionError(code, message, {
    function: fn,
    guest: guest && errorDetails(guest, MOST_CHARS),
    cause: cause && rebuild(cause),
  });
  if (stack !== undefined) error.stack = stack;
  return error;
}

function engineFault(error: unknown): ExtensionError {
  return new ExtensionError("ERR_EXT_CRASHED", `the engine failed: ${shown(error)}`, { cause: error });
}

function causeOf(cause: unknown): CauseMessage | undefined {
  try {
    if (!(cause instanceof Error)) return undefined;
    return {
      name: cut(`${cause.name}`, MOST_CHARS),
      message: cut(`${cause.message}`, MOST_CHARS),
      stack: cause.stack === undefined ? undefined : cut(`${cause.stack}`, MOST_CHARS),
    };
  } catch {
    // A guest's error may throw when it is looked at.
    return undefined;
  }
}

function rebuild({ name, message, stack }: CauseMessage): Error {
  const error = new Error(message);
  // As properties of its own, hidden as those of any error are.
  Object.defineProperty(error, "name", { value: name, configurable: true, writable: true });
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** V8 reads any nesting without its stack. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isErrorMessage(value: unknown): value is ErrorMessage {
  if (!isObject(value)) return false;
  const { code, message, stack, function: fn, guest, cause } = value;
  return (
    typeof code === "string" &&
    Object.hasOwn(ERROR_CODES, code) &&
    typeof message === "string" &&
    isTextOrNone(stack) &&
    isTextOrNone(fn) &&
    (guest === undefined || (isObject(guest) && areTexts(guest.name, guest.message, guest.stack))) &&
    (cause === undefined || (isObject(cause) && areTexts(cause.name, cause.message) && isTextOrNone(cause.stack)))
  );
}

function areTexts(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === "string");
}

function isTextOrNone(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}

/** What `JSON.parse` makes has no accessors, and reading it calls nothing. An array has none of an error's fields. */
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

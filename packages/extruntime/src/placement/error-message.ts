import { boundError, cut } from "../bounds.ts";
import { ERROR_CODES, ExtensionError, type ExtensionErrorCode } from "../errors.ts";

/** An error on its way from a worker, as JSON. What comes from a child process is not trusted: it is read with care. */

interface ErrorMessage {
  readonly code: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly function: string | undefined;
  readonly guest: { readonly name: string; readonly message: string; readonly stack: string } | undefined;
  /** Of the cause, as text: an object would not be the same one here. */
  readonly cause: { readonly name: string; readonly message: string; readonly stack: string | undefined } | undefined;
}

/** Characters of each text of an error that a frame takes: the host cuts at `limits.errorChars` once more. */
const MOST_CHARS = 1 << 20;

/** Any error: one that is no ExtensionError is a fault of the engine. */
export function errorToJson(error: unknown): string {
  const known = boundError(ExtensionError.is(error) ? error : engineFault(error), MOST_CHARS);
  const { code, message, stack, guest } = known;
  return JSON.stringify({ code, message, stack, function: known.function, guest, cause: causeOf(known.cause) });
}

export function errorFromJson(text: string): ExtensionError {
  const { code, message, stack, function: fn, guest, cause } = parse(text);
  const error = new ExtensionError(known(code), String(message), {
    function: fn === undefined ? undefined : String(fn),
    guest: isObject(guest)
      ? { name: `${guest.name}`, message: `${guest.message}`, stack: `${guest.stack}` }
      : undefined,
    cause: isObject(cause) ? rebuild(cause) : undefined,
  });
  if (typeof stack === "string") error.stack = stack;
  return error;
}

function engineFault(error: unknown): ExtensionError {
  return new ExtensionError("ERR_EXT_CRASHED", `the engine failed: ${show(error)}`, { cause: error });
}

function causeOf(cause: unknown): ErrorMessage["cause"] {
  if (!(cause instanceof Error)) return undefined;
  try {
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

function rebuild({ name, message, stack }: NonNullable<ErrorMessage["cause"]>): Error {
  const error = new Error(String(message));
  error.name = String(name);
  if (typeof stack === "string") error.stack = stack;
  return error;
}

function known(code: unknown): ExtensionErrorCode {
  return typeof code === "string" && Object.hasOwn(ERROR_CODES, code)
    ? (code as ExtensionErrorCode)
    : "ERR_EXT_CRASHED";
}

function parse(text: string): ErrorMessage {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value as ErrorMessage;
  } catch {
    // Said below.
  }
  const message = "the worker failed and its account of it cannot be read";
  return {
    code: "ERR_EXT_CRASHED",
    message,
    stack: undefined,
    function: undefined,
    guest: undefined,
    cause: undefined,
  };
}

function isObject<T>(value: T): value is T & object {
  return typeof value === "object" && value !== null;
}

function show(error: unknown): string {
  try {
    return String(error);
  } catch {
    return "(it cannot be shown)";
  }
}

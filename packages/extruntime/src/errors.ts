/**
 * The one error class of the contract. Its `code` is stable; `docs/errors.md` has a heading for each.
 */

/** Every code an {@link ExtensionError} can have, with the short meaning that starts its page in `docs/errors.md`. */
export const ERROR_CODES = {
  ERR_EXT_NO_MANIFEST: "the folder has no extension.json",
  ERR_EXT_BAD_MANIFEST: "the manifest, or a file that it names, is not as it must be",
  ERR_EXT_UNKNOWN_RUNTIME: "no runtime of that name is there",
  ERR_EXT_UNSUPPORTED: "the engine cannot do what was asked, here or at all",
  ERR_EXT_UNKNOWN_FUNCTION: "the extension has no such function",
  ERR_EXT_NOT_FOUND: "no extension of that name, or no folder of extensions, is there",
  ERR_EXT_DUPLICATE: "an extension of that name is loaded already",
  ERR_EXT_CLOSED: "the module, runtime or host was closed",
  ERR_EXT_BAD_PAYLOAD: "the payload is not JSON, or not what the function takes",
  ERR_EXT_BAD_RESULT: "what the guest returned is not JSON, or not what the function answers",
  ERR_EXT_GUEST: "the guest threw an error",
  ERR_EXT_TIMEOUT: "the call did not end in time",
  ERR_EXT_BUSY: "the queue is full",
  ERR_EXT_MEMORY: "the guest hit its memory limit",
  ERR_EXT_CRASHED: "the engine or its process died",
  ERR_EXT_DENIED: "the host's policy refused it",
} as const;

/** A code of an {@link ExtensionError}. */
export type ExtensionErrorCode = keyof typeof ERROR_CODES;

/** The guest's own error, exactly as the guest's language tells it. */
export interface GuestErrorDetails {
  /** Class or type name, for example `TypeError` or `ValueError`. */
  readonly name: string;
  /** The message, without the name. */
  readonly message: string;
  /** Stack or traceback in the guest's own form, with the guest's file names and lines; empty when it has none. */
  readonly stack: string;
  /** Its `code`, where it has one. */
  readonly code?: string | number | undefined;
  /** Its `data`, a JSON value of the guest's choice. */
  readonly data?: unknown;
  /** What it says that it comes from, in the same form. What is no error has the name `thrown value`. */
  readonly cause?: GuestErrorDetails | undefined;
  /** Of an error that is made of several, as `AggregateError` is: these. */
  readonly errors?: readonly GuestErrorDetails[] | undefined;
}

/** What is known of an error besides its code and message. */
export interface ExtensionErrorOptions {
  /** The error below it. */
  cause?: unknown;
  /** Name of the extension concerned. */
  extension?: string | undefined;
  /** Name of the guest function concerned. */
  function?: string | undefined;
  /** Set on `ERR_EXT_GUEST`. */
  guest?: GuestErrorDetails | undefined;
}

const BRAND = Symbol.for("extruntime.ExtensionError");

/**
 * Any failure of an extension or of the machinery that runs it. Mistakes in calling the API are plain `TypeError`s.
 *
 * `instanceof ExtensionError` and {@link ExtensionError.is} also recognise errors made by another copy of this
 * package, since a dependency tree can hold two.
 */
export class ExtensionError extends Error {
  override readonly name: string = "ExtensionError";
  /** Stable: what went wrong, for programs. `docs/errors.md` has cause and remedy of each. */
  readonly code: ExtensionErrorCode;
  /** Name of the extension concerned, where there is one. */
  extension: string | undefined;
  /** Name of the guest function concerned, where there is one. */
  function: string | undefined;
  /** The guest's own error, on `ERR_EXT_GUEST`. */
  readonly guest: GuestErrorDetails | undefined;

  constructor(code: ExtensionErrorCode, message: string, options: ExtensionErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.extension = options.extension;
    this.function = options.function;
    this.guest = options.guest;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /**
   * Whether `value` is an ExtensionError of this or another copy of the package, with this code if one is given, which the type of
   * `value.code` then is.
   */
  static is<Code extends ExtensionErrorCode = ExtensionErrorCode>(
    value: unknown,
    code?: Code,
  ): value is ExtensionError & { readonly code: Code } {
    if (typeof value !== "object" || value === null || !(BRAND in value)) return false;
    return code === undefined || (value as { code?: unknown }).code === code;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return ExtensionError.is(value);
  }
}

/** For engines: the guest threw. The message is `name: message`, as the guest's language would print it. */
export function guestError(details: GuestErrorDetails, cause?: unknown): ExtensionError {
  const message = details.message === "" ? details.name : `${details.name}: ${details.message}`;
  return new ExtensionError("ERR_EXT_GUEST", message, { guest: details, cause });
}

/** Adds to the message of an error, and to the stack, which begins with it. */
export function addToMessage(error: ExtensionError, text: string): void {
  // V8 writes the stack when it is first asked for: before the message changes.
  const { message, stack } = error;
  error.message = message + text;
  const at = stack?.indexOf(message) ?? -1;
  if (stack === undefined || at < 0) return;
  const end = at + message.length;
  error.stack = stack.slice(0, end) + text + stack.slice(end);
}

/**
 * Says where an error happened, once: sets `extension` and `function` where they are not set yet and puts them in
 * front of the message, so that a log line that shows only the message is still of use.
 */
export function locate(error: ExtensionError, extension: string, fn?: string): ExtensionError {
  if (error.extension !== undefined) return error;
  error.extension = extension;
  error.function ??= fn;
  // A bad manifest is told with its own path in front.
  if (error.code === "ERR_EXT_BAD_MANIFEST") return error;
  // V8 writes the stack, which begins with the message, when it is first asked for: before the message changes.
  const { message, stack } = error;
  const place = `${error.function === undefined ? extension : `${extension}.${error.function}`}: `;
  error.message = place + message;
  // By its beginning: where a message is long, the stack is cut within it.
  const at = stack?.indexOf(message.slice(0, 200)) ?? -1;
  if (stack !== undefined && at >= 0) error.stack = stack.slice(0, at) + place + stack.slice(at);
  return error;
}

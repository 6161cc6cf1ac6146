import type { GuestErrorDetails } from "../errors.ts";
import type { Bounds } from "./bounds.ts";
import type { Call } from "./engine.ts";

/**
 * Functions that a host offers to guests. A manifest asks for them by name in `permissions`; a guest calls them with a JSON
 * value and gets one back. Only text crosses: neither side ever holds an object of the other.
 */

/** Who calls a host function, and for whom. Frozen. */
export interface HostFunctionContext<Context = unknown> {
  /** Name of the extension that calls. */
  readonly extension: string;
  /** Its version; `0.0.0` where its manifest has none. */
  readonly version: string;
  /** The name that it calls the host function by. */
  readonly name: string;
  /** Its exported function that the host called; `undefined` while its top level runs, which is for nobody's call. */
  readonly fn: string | undefined;
  /** The same for all that one call asks of the host, and another for each call in this process; 0 for a top level. */
  readonly callId: number;
  /** What the caller gave as `context`, the same object: no guest sees it. */
  readonly context: Context;
  /**
   * Fires when nobody waits for the guest's call any more: its time was up, it was aborted, its module was closed or its engine crashed. The reason is the error that its
   * caller got. It does not fire where the call ended by itself, with a result or an error of the guest's.
   */
  readonly signal: AbortSignal;
  /** Until when the call may take, in milliseconds on the clock of `performance.now()`; `Infinity` for no limit. */
  readonly deadline: number;
}

/**
 * Takes any JSON value, and returns one or a promise of one; nothing stands for `null`. What it throws reaches the guest as an error
 * with that name and message, and without its stack. The guest's word is all that the value is worth, whatever its type says here: check it.
 *
 * It runs in the asynchronous context of whoever called the guest: its `AsyncLocalStorage` has the caller's store.
 */
// biome-ignore lint/suspicious/noExplicitAny: a function of any argument is one, which neither `unknown` nor `never` says.
export type HostFunction<In = any, Out = unknown, Context = any> = (
  value: In,
  context: HostFunctionContext<Context>,
) => Out | Promise<Out>;

/** Host functions by the names that a manifest's `permissions` say. */
export type HostFunctions = Readonly<Record<string, HostFunction>>;

/** Host functions of one call, by name: a function of its own, or `true` for the one that its module was granted. */
export type CallFunctions = Readonly<Record<string, HostFunction | boolean | undefined>>;

/**
 * Offered in place of a function that the host gives to single calls alone, in their `functions`: a manifest may ask for it, and a call that is not given one is refused.
 *
 * @throws Error with the name `PermissionError`, always.
 */
export const perCall: HostFunction = (_value: unknown, { name }: HostFunctionContext): never => {
  throw Object.assign(new Error(`the host function ${name} is given to single calls, and not to this one`), {
    name: "PermissionError",
  });
};

/**
 * First character of an answer to a guest. After `result` comes JSON text; after `failure` a JSON array of two strings, the
 * error's name and its message, and, where it has any, an object of its `code`, `data`, `cause` and `errors`, the last two in the form of {@link GuestErrorDetails}.
 */
export const HOST_ANSWER = { result: "=", failure: "!" } as const;

/** The host functions that one extension was granted, as an engine calls them. Nothing here throws: what fails is an answer. */
export interface HostCalls {
  /** The manifest's `permissions`. */
  readonly names: readonly string[];
  /** `callNow` waits for any answer: the host is in another thread or process. On the host's own thread it cannot wait for a promise. */
  readonly blocks?: boolean | undefined;
  /**
   * Calls `name` with JSON text. The {@link HOST_ANSWER answer} is a promise where the function's is one, or where the host is in another thread or process.
   *
   * @param call the very object that `invoke` (or `instantiate`) was given, by which the core knows for whom the guest asks; `undefined` where it asks between two calls.
   */
  call(name: string, payload: string, call: Call | undefined): string | Promise<string>;
  /**
   * The same for a guest that cannot wait for a promise. It blocks where the host is in another thread or process; on the host's own
   * thread a function that answers with a promise is a failure. Past the deadline of
   * the guest's call the answer is a failure, and it is the engine's to stop the guest.
   */
  callNow(name: string, payload: string, call: Call | undefined): string;
}

/**
 * The answer to a guest whose call of a host function fails: the name and the message of the error that it gets.
 *
 * @param more the error's `code`, `data`, `cause` and `errors`, as `errorExtras` gives them.
 */
export function hostFailure(name: string, message: string, more?: object): string {
  return HOST_ANSWER.failure + JSON.stringify(more === undefined ? [name, message] : [name, message, more]);
}

/** The failure of a call by an extension that is not there any more. */
export function extensionClosed(): string {
  return hostFailure("Error", "the extension is closed");
}

/** The failure of a call that is made for no call of the guest's: it had its answer, or the engine does not say for which. */
export function nobodysCall(name: string): string {
  return hostFailure("Error", `the host function ${name} is called for a call that has ended`);
}

/** The failure of a call to a function that the extension has, but not for the call that it serves. */
export function notForThisCall(name: string): string {
  return hostFailure("PermissionError", `the host function ${name} is not granted to this call`);
}

/** The failure of a call to a function that the extension was not granted. */
export function notGranted(name: string, names: readonly string[]): string {
  const asked = names.join(", ") || "none";
  return hostFailure(
    "PermissionError",
    `the host function ${name} is not granted: "permissions" of extension.json asks for ${asked}`,
  );
}

/** The failure of a call whose promise a guest cannot wait for. */
export function cannotWait(name: string): string {
  return hostFailure(
    "UnsupportedError",
    `the host function ${name} answers with a promise, for which this guest cannot wait here: have it answer at once, call the guest with invoke, or place it in a thread`,
  );
}

/**
 * The value of an answer, for guests in JavaScript.
 *
 * @throws Error with the name and message of what failed; one that says so where the text is no answer at all.
 */
export function readHostAnswer(answer: string): unknown {
  const value = parseAnswer(answer);
  if (answer[0] === HOST_ANSWER.result && value !== undefined) return value;
  if (answer[0] !== HOST_ANSWER.failure || !isFailure(value)) throw new Error("the host's answer cannot be read");
  const [name, message, more] = value;
  throw toError(name, message, more);
}

/** The failure of a call whose argument is longer than it may be. */
export function hostCallTooLong(name: string, bytes: number, { hostCallBytes }: Bounds): string {
  return hostFailure(
    "RangeError",
    `the host function ${name} takes up to ${hostCallBytes} bytes of JSON (limits.hostCallBytes), and got ${bytes}`,
  );
}

/** The failure of a call that was not answered while its guest had time. */
export function hostCallTooLate(name: string): string {
  return hostFailure(
    "TimeoutError",
    `the host function ${name} did not answer before the deadline of the guest's call`,
  );
}

/** The failure of a call that may not wait beside those that wait already, which take so many bytes. */
export function hostCallsTakeTooMuch(name: string, waiting: number, bytes: number, { waitingBytes }: Bounds): string {
  return hostFailure(
    "RangeError",
    `calls of host functions that wait for their answers take ${waiting} bytes, this one of ${name} would add ${bytes}, and limits.waitingBytes is ${waitingBytes}: await some first`,
  );
}

/** Calls of a module that wait for their answers: how many of each function, and what all of them take. */
export class WaitingCalls {
  readonly #bounds: Bounds;
  readonly #calls = new Map<string, number>();
  #bytes = 0;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** The failure of one more call of so many bytes, or `undefined` where there is room. */
  refusal(name: string, bytes: number): string | undefined {
    const { waitingCalls, waitingBytes } = this.#bounds;
    if ((this.#calls.get(name) ?? 0) >= waitingCalls)
      return hostFailure(
        "RangeError",
        `${waitingCalls} calls of the host function ${name} wait for their answers already, as many as limits.waitingCalls allows: await some first`,
      );
    if (this.#bytes + bytes <= waitingBytes) return undefined;
    return hostCallsTakeTooMuch(name, this.#bytes, bytes, this.#bounds);
  }

  begin(name: string, bytes: number): void {
    this.#calls.set(name, (this.#calls.get(name) ?? 0) + 1);
    this.#bytes += bytes;
  }

  end(name: string, bytes: number): void {
    this.#calls.set(name, this.#calls.get(name)! - 1);
    this.#bytes -= bytes;
  }
}

function parseAnswer(answer: string): unknown {
  try {
    return JSON.parse(answer.slice(1));
  } catch {
    return undefined;
  }
}

function isFailure(value: unknown): value is [name: string, message: string, more?: ErrorExtras] {
  if (!Array.isArray(value) || typeof value[0] !== "string" || typeof value[1] !== "string") return false;
  return value.length === 2 || (value.length === 3 && typeof value[2] === "object" && value[2] !== null);
}

type ErrorExtras = Partial<Pick<GuestErrorDetails, "code" | "data" | "cause" | "errors">>;

/** The host's own word, within its bounds. */
function toError(name: string, message: string, more: ErrorExtras = {}): Error {
  const below = (told: GuestErrorDetails) => {
    const error = toError(told.name, told.message, told);
    error.stack = `${told.name}: ${told.message}`;
    return error;
  };
  const { code, data, cause, errors } = more;
  const error = new Error(message, cause === undefined ? undefined : { cause: below(cause) });
  Object.assign(error, { name });
  if (code !== undefined) Object.assign(error, { code });
  if (data !== undefined) Object.assign(error, { data });
  if (errors !== undefined) Object.assign(error, { errors: errors.map(below) });
  return error;
}

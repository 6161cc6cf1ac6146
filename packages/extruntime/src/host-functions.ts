import { ExtensionError } from "./errors.ts";
import type { Manifest } from "./manifest.ts";

/**
 * Functions that a host offers to guests. A manifest asks for them by name in `permissions`; a guest calls them with a JSON
 * value and gets one back. Only text crosses: neither side ever holds an object of the other.
 */

/** Who calls a host function. Frozen, and the same object for every call of a module. */
export interface HostFunctionContext {
  /** Name of the extension that calls. */
  readonly extension: string;
  /** The name that it calls the function by. */
  readonly name: string;
}

/**
 * Takes any JSON value, and returns one or a promise of one; nothing stands for `null`. What it throws reaches the guest as an error
 * with that name and message, and without its stack. The guest's word is all that the value is worth: check it.
 */
export type HostFunction = (value: never, context: HostFunctionContext) => unknown;

export type HostFunctions = Readonly<Record<string, HostFunction>>;

/**
 * First character of an answer to a guest. After `result` comes JSON text; after `failure` a JSON array of two strings, the
 * error's name and its message.
 */
export const HOST_ANSWER = { result: "=", failure: "!" } as const;

/** The host functions that one extension was granted, as an engine calls them. Nothing here throws: what fails is an answer. */
export interface HostCalls {
  /** The manifest's `permissions`. */
  readonly names: readonly string[];
  /** Calls `name` with JSON text. The {@link HOST_ANSWER answer} is a promise where the function's is one, or where the host is in another thread or process. */
  call(name: string, payload: string): string | Promise<string>;
  /**
   * The same for a guest that cannot wait for a promise. It blocks where the host is in another thread or process; on the host's own
   * thread a function that answers with a promise is a failure.
   */
  callNow(name: string, payload: string): string;
}

/** Calls of one function by one module that may wait for their promises at a time: a guest may start them without end, and the host may never answer. */
const MOST_WAITING = 1000;
/** UTF-16 units of one payload. Hostile JSON takes up to 55 times its size once it is parsed, in memory that no limit of the guest's counts. */
const MOST_PAYLOAD = 16 << 20;

/** @throws ExtensionError `ERR_EXT_DENIED` where the manifest wants a function that is not offered. */
export function grant({ name, permissions }: Manifest, offered: HostFunctions | undefined): HostCalls | undefined {
  if (permissions.length === 0) return undefined;
  const functions = new Map<string, HostFunction>();
  for (const each of permissions) {
    const fn = offered !== undefined && Object.hasOwn(offered, each) ? offered[each] : undefined;
    if (typeof fn === "function") functions.set(each, fn);
  }
  const missing = permissions.filter((each) => !functions.has(each));
  if (missing.length === 0) return new GrantedFunctions(name, functions);
  const offers = Object.keys(offered ?? {}).join(", ") || "none";
  throw new ExtensionError(
    "ERR_EXT_DENIED",
    `its manifest asks for the host function${missing.length > 1 ? "s" : ""} ${missing.join(", ")}, and this host offers ${offers}`,
  );
}

export function hostFailure(name: string, message: string): string {
  return HOST_ANSWER.failure + JSON.stringify([name, message]);
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
 * @throws Error with the name and message of what failed.
 */
export function readHostAnswer(answer: string): unknown {
  const value = JSON.parse(answer.slice(1));
  if (answer[0] === HOST_ANSWER.result) return value;
  const [name, message] = value as [string, string];
  throw Object.assign(new Error(message), { name });
}

interface GrantedFunction {
  readonly fn: HostFunction;
  readonly context: HostFunctionContext;
  /** Calls whose promises have not settled. */
  waiting: number;
}

class GrantedFunctions implements HostCalls {
  readonly names: readonly string[];
  readonly #functions: ReadonlyMap<string, GrantedFunction>;

  constructor(extension: string, functions: ReadonlyMap<string, HostFunction>) {
    this.names = [...functions.keys()];
    this.#functions = new Map(
      [...functions].map(([name, fn]) => [name, { fn, context: Object.freeze({ extension, name }), waiting: 0 }]),
    );
  }

  call(name: string, payload: string): string | Promise<string> {
    const answer = this.#start(name, payload);
    return typeof answer === "string" ? answer : this.#wait(name, answer);
  }

  callNow(name: string, payload: string): string {
    const answer = this.#start(name, payload);
    if (typeof answer === "string") return answer;
    // It goes on, and nobody waits for it.
    void this.#wait(name, answer);
    return cannotWait(name);
  }

  #start(name: string, payload: string): string | PromiseLike<unknown> {
    const granted = this.#functions.get(name);
    if (granted === undefined) return notGranted(name, this.names);
    if (granted.waiting >= MOST_WAITING)
      return hostFailure(
        "RangeError",
        `${MOST_WAITING} calls of the host function ${name} wait for their answers already`,
      );
    if (payload.length > MOST_PAYLOAD)
      return hostFailure("RangeError", `a host function takes ${MOST_PAYLOAD} characters of JSON at the most`);
    let value: unknown;
    try {
      value = JSON.parse(payload);
    } catch (error) {
      return hostFailure("SyntaxError", `the host function ${name} takes JSON: ${(error as Error).message}`);
    }
    try {
      const result = (granted.fn as (value: unknown, context: unknown) => unknown)(value, granted.context);
      return isThenable(result) ? result : answerOf(name, result);
    } catch (error) {
      return failureOf(error);
    }
  }

  async #wait(name: string, promise: PromiseLike<unknown>): Promise<string> {
    const granted = this.#functions.get(name)!;
    granted.waiting++;
    try {
      return answerOf(name, await promise);
    } catch (error) {
      return failureOf(error);
    } finally {
      granted.waiting--;
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

function answerOf(name: string, result: unknown): string {
  const text = result === undefined ? "null" : JSON.stringify(result);
  if (text !== undefined) return HOST_ANSWER.result + text;
  return hostFailure("TypeError", `the host function ${name} returned a ${typeof result}, which has no JSON form`);
}

/** Whatever was thrown: reading it may throw too. */
function failureOf(error: unknown): string {
  try {
    if (typeof error !== "object" || error === null) return hostFailure("Error", String(error));
    const { name, message } = error as { name?: unknown; message?: unknown };
    return hostFailure(typeof name === "string" ? name : "Error", typeof message === "string" ? message : "");
  } catch {
    return hostFailure("Error", "(it cannot be shown: reading it throws)");
  }
}

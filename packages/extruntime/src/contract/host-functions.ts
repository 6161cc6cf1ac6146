import { ExtensionError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { type Bounds, BYTES_PER_CALL, BYTES_PER_VALUE, cut, excessBytes } from "./bounds.ts";
import { costProblem, jsonCost } from "./json-cost.ts";

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

/** @throws ExtensionError `ERR_EXT_DENIED` where the manifest wants a function that is not offered. */
export function grant(
  { name, permissions }: Manifest,
  offered: HostFunctions | undefined,
  bounds: Bounds,
): HostCalls | undefined {
  if (permissions.length === 0) return undefined;
  const functions = new Map<string, HostFunction>();
  for (const each of permissions) {
    const fn = offered !== undefined && Object.hasOwn(offered, each) ? offered[each] : undefined;
    if (typeof fn === "function") functions.set(each, fn);
  }
  const missing = permissions.filter((each) => !functions.has(each));
  if (missing.length === 0) return new GrantedFunctions(name, functions, bounds);
  const offers = Object.keys(offered ?? {}).join(", ") || "none";
  throw new ExtensionError(
    "ERR_EXT_DENIED",
    `its manifest asks for the host function${missing.length > 1 ? "s" : ""} ${missing.join(", ")}, and this host offers ${offers}`,
  );
}

export function hostFailure(name: string, message: string): string {
  return HOST_ANSWER.failure + JSON.stringify([name, message]);
}

/** The failure of a call by an extension that is not there any more. */
export function extensionClosed(): string {
  return hostFailure("Error", "the extension is closed");
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
  const [name, message] = value;
  throw Object.assign(new Error(message), { name });
}

/** The failure of a call whose argument is longer than it may be. */
export function hostCallTooLong(name: string, bytes: number, { hostCallBytes }: Bounds): string {
  return hostFailure(
    "RangeError",
    `the host function ${name} takes up to ${hostCallBytes} bytes of JSON (limits.hostCallBytes), and got ${bytes}`,
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

function isFailure(value: unknown): value is [name: string, message: string] {
  return Array.isArray(value) && value.length === 2 && value.every((each) => typeof each === "string");
}

interface GrantedFunction {
  readonly fn: HostFunction;
  readonly context: HostFunctionContext;
}

class GrantedFunctions implements HostCalls {
  readonly names: readonly string[];
  readonly #functions: ReadonlyMap<string, GrantedFunction>;
  readonly #bounds: Bounds;
  readonly #waiting: WaitingCalls;

  constructor(extension: string, functions: ReadonlyMap<string, HostFunction>, bounds: Bounds) {
    this.names = [...functions.keys()];
    this.#functions = new Map(
      [...functions].map(([name, fn]) => [name, { fn, context: Object.freeze({ extension, name }) }]),
    );
    this.#bounds = bounds;
    this.#waiting = new WaitingCalls(bounds);
  }

  call(name: string, payload: string): string | Promise<string> {
    const granted = this.#functions.get(name);
    if (granted === undefined) return notGranted(name, this.names);
    const takes = this.#weigh(name, payload);
    if (typeof takes === "string") return takes;
    const answer = this.#start(granted, payload);
    return typeof answer === "string" ? answer : this.#wait(name, answer, takes);
  }

  callNow(name: string, payload: string): string {
    const answer = this.call(name, payload);
    // Of a promise nobody waits for the end, which comes all the same.
    return typeof answer === "string" ? answer : cannotWait(name);
  }

  /** Bytes that a call counts as while it waits, or its failure where it has too much. */
  #weigh(name: string, payload: string): number | string {
    const excess = excessBytes(payload, this.#bounds.hostCallBytes);
    if (excess !== undefined) return hostCallTooLong(name, excess, this.#bounds);
    // Before anybody reads it: a guest may ask again and again.
    const refusal = this.#waiting.refusal(name, BYTES_PER_CALL + payload.length);
    if (refusal !== undefined) return refusal;
    const cost = jsonCost(payload, this.#bounds);
    if (typeof cost === "string")
      return hostFailure("RangeError", `the argument of ${name} has ${costProblem(cost, this.#bounds)}`);
    const bytes = BYTES_PER_CALL + payload.length + cost * BYTES_PER_VALUE;
    return this.#waiting.refusal(name, bytes) ?? bytes;
  }

  #start({ fn, context }: GrantedFunction, payload: string): string | PromiseLike<unknown> {
    let value: unknown;
    try {
      value = JSON.parse(payload);
    } catch (error) {
      return hostFailure("SyntaxError", `the host function ${context.name} takes JSON: ${(error as Error).message}`);
    }
    try {
      const result = (fn as (value: unknown, context: unknown) => unknown)(value, context);
      return isThenable(result) ? result : this.#answer(context.name, result);
    } catch (error) {
      return failureOf(error, this.#bounds);
    }
  }

  async #wait(name: string, promise: PromiseLike<unknown>, bytes: number): Promise<string> {
    this.#waiting.begin(name, bytes);
    try {
      return this.#answer(name, await promise);
    } catch (error) {
      return failureOf(error, this.#bounds);
    } finally {
      this.#waiting.end(name, bytes);
    }
  }

  #answer(name: string, result: unknown): string {
    const text = result === undefined ? "null" : JSON.stringify(result);
    if (text === undefined)
      return hostFailure("TypeError", `the host function ${name} returned a ${typeof result}, which has no JSON form`);
    const { payloadBytes } = this.#bounds;
    const excess = excessBytes(text, payloadBytes);
    if (excess === undefined) return HOST_ANSWER.result + text;
    return hostFailure(
      "RangeError",
      `the answer of the host function ${name} has ${excess} bytes or more, and limits.payloadBytes is ${payloadBytes}`,
    );
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** Whatever was thrown: reading it may throw too. */
function failureOf(error: unknown, { errorChars }: Bounds): string {
  try {
    if (typeof error !== "object" || error === null) return hostFailure("Error", cut(String(error), errorChars));
    const { name, message } = error as { name?: unknown; message?: unknown };
    const named = typeof name === "string" ? name : "Error";
    return hostFailure(cut(named, errorChars), typeof message === "string" ? cut(message, errorChars) : "");
  } catch {
    return hostFailure("Error", "(it cannot be shown: reading it throws)");
  }
}

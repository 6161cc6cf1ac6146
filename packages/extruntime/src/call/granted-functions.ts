import { type Bounds, BYTES_PER_CALL, BYTES_PER_VALUE, cut, excessBytes } from "../contract/bounds.ts";
import type { Call } from "../contract/engine.ts";
import { errorExtras } from "../contract/error-details.ts";
import { type HostCallMessage, hostCallChannel, isTraced, traceHostCall } from "../contract/events.ts";
import {
  cannotWait,
  HOST_ANSWER,
  type HostCalls,
  type HostFunction,
  type HostFunctions,
  hostCallTooLong,
  hostFailure,
  nobodysCall,
  notForThisCall,
  notGranted,
  WaitingCalls,
} from "../contract/host-functions.ts";
import { costProblem, jsonCost } from "../contract/json-cost.ts";
import { ExtensionError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { type Caller, CallScope, TopLevel } from "./call-scope.ts";

/** @throws ExtensionError `ERR_EXT_DENIED` where the manifest wants a function that is not offered. */
export function grant(
  manifest: Manifest,
  offered: HostFunctions | undefined,
  bounds: Bounds,
): GrantedFunctions | undefined {
  const { permissions } = manifest;
  if (permissions.length === 0) return undefined;
  const functions = new Map<string, HostFunction>();
  for (const each of permissions) {
    const fn = offered !== undefined && Object.hasOwn(offered, each) ? offered[each] : undefined;
    if (typeof fn === "function") functions.set(each, fn);
  }
  const missing = permissions.filter((each) => !functions.has(each));
  if (missing.length === 0) return new GrantedFunctions(manifest, functions, bounds);
  const offers = Object.keys(offered ?? {}).join(", ") || "none";
  throw new ExtensionError(
    "ERR_EXT_DENIED",
    `its manifest asks for the host function${missing.length > 1 ? "s" : ""} ${missing.join(", ")}, and this host offers ${offers}`,
  );
}

/** The host functions of one module. What waits for them is counted over all of its calls. */
export class GrantedFunctions implements HostCalls {
  readonly names: readonly string[];
  readonly #functions: ReadonlyMap<string, HostFunction>;
  readonly #bounds: Bounds;
  readonly #waiting: WaitingCalls;
  readonly #topLevel: TopLevel;
  /** Of calls whose host functions have not answered. */
  readonly #open = new Set<Caller>();

  constructor(manifest: Manifest, functions: ReadonlyMap<string, HostFunction>, bounds: Bounds) {
    this.names = [...functions.keys()];
    this.#functions = functions;
    this.#bounds = bounds;
    this.#waiting = new WaitingCalls(bounds);
    this.#topLevel = new TopLevel(manifest);
  }

  call(name: string, payload: string, call: Call | undefined): string | Promise<string> {
    const ofModule = this.#functions.get(name);
    if (ofModule === undefined) return notGranted(name, this.names);
    const caller = this.#callerOf(call);
    if (caller === undefined) return nobodysCall(name);
    const granted = functionOf(name, ofModule, caller);
    if (granted === undefined) return notForThisCall(name);
    const takes = this.#weigh(name, payload);
    if (typeof takes === "string") return takes;
    const answer = this.#start(name, granted, payload, caller);
    return typeof answer === "string" ? answer : this.#wait(name, answer, takes, caller);
  }

  callNow(name: string, payload: string, call: Call | undefined): string {
    const answer = this.call(name, payload, call);
    // Of a promise nobody waits for the end, which comes all the same.
    return typeof answer === "string" ? answer : cannotWait(name);
  }

  /** The module has closed: nobody takes what is still to be answered. */
  close(): void {
    const reason = new ExtensionError("ERR_EXT_CLOSED", "the module of the guest that asked is closed");
    for (const caller of this.#open) caller.stop(reason);
  }

  /** A guest's top level is run for no call; a call that has ended asks no more. */
  #callerOf(call: Call | undefined): Caller | undefined {
    if (call instanceof CallScope) return call.ended ? undefined : call;
    return call === undefined ? undefined : this.#topLevel;
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

  #start(name: string, fn: HostFunction, payload: string, caller: Caller): string | PromiseLike<unknown> {
    let value: unknown;
    try {
      value = JSON.parse(payload);
    } catch (error) {
      return hostFailure("SyntaxError", `the host function ${name} takes JSON: ${(error as Error).message}`);
    }
    try {
      const result = caller.run(name, isTraced(hostCallChannel) ? traced(fn, caller.message(name)) : fn, value);
      return isThenable(result) ? result : this.#answer(name, result);
    } catch (error) {
      return failureOf(error, this.#bounds);
    }
  }

  async #wait(name: string, promise: PromiseLike<unknown>, bytes: number, caller: Caller): Promise<string> {
    this.#waiting.begin(name, bytes);
    caller.waiting++;
    this.#open.add(caller);
    try {
      return this.#answer(name, await promise);
    } catch (error) {
      return failureOf(error, this.#bounds);
    } finally {
      this.#waiting.end(name, bytes);
      if (--caller.waiting === 0) this.#open.delete(caller);
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

/** The function of a name that the module has, as that one call has it. */
function functionOf(name: string, ofModule: HostFunction, caller: Caller): HostFunction | undefined {
  if (!(caller instanceof CallScope) || caller.functions === undefined) return ofModule;
  const own = Object.hasOwn(caller.functions, name) ? caller.functions[name] : undefined;
  return own === true ? ofModule : typeof own === "function" ? own : undefined;
}

function traced(fn: HostFunction, message: HostCallMessage): HostFunction {
  return (value, context) => traceHostCall(message, () => fn(value, context));
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
    const said = typeof message === "string" ? cut(message, errorChars) : "";
    return hostFailure(cut(named, errorChars), said, errorExtras(error, errorChars));
  } catch {
    return hostFailure("Error", "(it cannot be shown: reading it throws)");
  }
}

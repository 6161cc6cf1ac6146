import { AsyncResource } from "node:async_hooks";
import type { Call } from "../contract/engine.ts";
import type { HostCallMessage } from "../contract/events.ts";
import type { CallFunctions, HostFunction, HostFunctionContext } from "../contract/host-functions.ts";
import type { InvokeOptions } from "../contract/runtime.ts";
import { ExtensionError, type ExtensionErrorCode } from "../errors.ts";
import { takeCallId } from "./call-id.ts";
import type { LimitedCall } from "./limits.ts";

/** What a call can fail with that has not stopped it: the guest did so itself, or never ran. */
const NOT_STOPPED: ReadonlySet<ExtensionErrorCode> = new Set([
  "ERR_EXT_GUEST",
  "ERR_EXT_BAD_PAYLOAD",
  "ERR_EXT_BAD_RESULT",
]);

/** The extension, as its host functions are told of it. */
export interface CallerIdentity {
  readonly name: string;
  readonly version: string;
}

/** On whose behalf a host function is called. */
export abstract class Caller {
  /** Host functions that have not answered it. */
  waiting = 0;
  readonly #identity: CallerIdentity;
  /** Made when somebody asks for it. */
  #controller: AbortController | undefined;
  #stopped: { readonly reason: unknown } | undefined;

  constructor(identity: CallerIdentity) {
    this.#identity = identity;
  }

  abstract readonly id: number;
  abstract readonly fn: string | undefined;
  abstract readonly deadline: number;
  abstract readonly context: unknown;

  /** Calls a host function. Throws what it throws. */
  abstract run(name: string, fn: HostFunction, value: unknown): unknown;

  /** Nobody waits for it any more. */
  stop(reason: unknown): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = { reason };
    this.#controller?.abort(reason);
  }

  /** As host functions see it. */
  get stopSignal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#stopped !== undefined) this.#controller.abort(this.#stopped.reason);
    }
    return this.#controller.signal;
  }

  /** Of a call of the host function `name`. */
  message(name: string): HostCallMessage {
    const { name: extension, version } = this.#identity;
    return { extension, version, callId: this.id, function: name };
  }

  protected contextFor(name: string): HostFunctionContext {
    const caller = this;
    return Object.freeze({
      extension: this.#identity.name,
      version: this.#identity.version,
      name,
      fn: this.fn,
      context: this.context,
      deadline: this.deadline,
      // Most host functions read neither.
      get callId() {
        return caller.id;
      },
      get signal() {
        return caller.stopSignal;
      },
    });
  }
}

/**
 * One call of a module with host functions: its limits, and on whose behalf it calls them. Engines get it as the {@link Call} of `invoke` and give it back with each call
 * of a host function. Modules without host functions have none of these, and pay nothing for them.
 */
export class CallScope extends Caller implements LimitedCall {
  readonly id = takeCallId();
  readonly fn: string;
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
  readonly context: unknown;
  readonly ownTimeoutMs: number | undefined;
  /** Its own host functions; without them those of its module. */
  readonly functions: CallFunctions | undefined;
  /** The engine has ended it: what its guest still asks for is asked for nobody. */
  ended = false;
  readonly #resource = new AsyncResource("extruntime.call", { requireManualDestroy: true });

  constructor(identity: CallerIdentity, fn: string, deadline: number, options: InvokeOptions | undefined) {
    super(identity);
    this.fn = fn;
    this.deadline = deadline;
    this.signal = options?.signal;
    this.context = options?.context;
    this.ownTimeoutMs = options?.timeoutMs;
    this.functions = options?.functions;
  }

  run(name: string, fn: HostFunction, value: unknown): unknown {
    return this.#resource.runInAsyncScope(fn, undefined, value, this.contextFor(name));
  }
}

/** The top level of a module's guests, which runs for no call. */
export class TopLevel extends Caller {
  readonly id = 0;
  readonly fn = undefined;
  readonly deadline = Number.POSITIVE_INFINITY;
  readonly context = undefined;

  run(name: string, fn: HostFunction, value: unknown): unknown {
    return fn(value, this.contextFor(name));
  }
}

/** @throws TypeError for what is no object of functions, or booleans, by name. */
export function checkFunctions(functions: CallFunctions): void {
  if (typeof functions !== "object" || functions === null)
    throw new TypeError(`functions of a call must be an object of host functions by name, and is ${typeof functions}`);
  for (const [name, fn] of Object.entries(functions))
    if (typeof fn !== "function" && typeof fn !== "boolean" && fn !== undefined)
      throw new TypeError(
        `functions.${name} must be a function, or true for the one that its module has, and is ${typeof fn}`,
      );
}

/** Number of a call, which it has already where its host functions or its lines of output know it by one. */
export function callIdOf(call: LimitedCall): number {
  return call.id ?? takeCallId();
}

/** The engine has ended the call. */
export function endScope(call: Call): void {
  if (call instanceof CallScope) call.ended = true;
}

/** The caller got this error. */
export function failScope(call: Call, error: unknown): void {
  if (!(call instanceof CallScope)) return;
  if (!ExtensionError.is(error) || !NOT_STOPPED.has(error.code)) call.stop(error);
}

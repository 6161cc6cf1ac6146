import { type Call, UNLIMITED } from "../contract/engine.ts";
import type { Capabilities, InvokeOptions } from "../contract/runtime.ts";
import { ExtensionError, locate } from "../errors.ts";
import { MAX_TIMEOUT_MS } from "../manifest/definition.ts";
import type { Placement } from "../manifest/manifest.ts";
import { takeCallId } from "./call-id.ts";
import { type CallerIdentity, CallScope, checkFunctions } from "./call-scope.ts";
import type { GrantedFunctions } from "./granted-functions.ts";

/** The limits of one call, with what to tell of them. */
export interface LimitedCall extends Call {
  /** The milliseconds that it names itself. */
  readonly ownTimeoutMs?: number | undefined;
  /** The function that is called, and the call's number, where it has one already. */
  readonly fn?: string | undefined;
  readonly id?: number | undefined;
}

/** The limits of a short call that begins at once: what time it is matters only if it turns out to be long. */
export class UnreadDeadline implements LimitedCall {
  readonly hasDeadline = true;
  readonly signal: AbortSignal | undefined;
  readonly ownTimeoutMs: number | undefined;
  readonly #timeoutMs: number;
  #deadline = 0;

  constructor(timeoutMs: number, signal: AbortSignal | undefined, ownTimeoutMs: number | undefined) {
    this.#timeoutMs = timeoutMs;
    this.signal = signal;
    this.ownTimeoutMs = ownTimeoutMs;
  }

  get deadline(): number {
    if (this.#deadline === 0) this.#deadline = performance.now() + this.#timeoutMs;
    return this.#deadline;
  }

  /** Nobody has looked at it. */
  get isUnread(): boolean {
    return this.#deadline === 0;
  }
}

/** Whose limits they are, for the refusal of one that its engine cannot keep where it is. */
export interface Limited {
  readonly manifest: CallerIdentity;
  /** Where it has host functions, these want to know of each call. */
  readonly host: GrantedFunctions | undefined;
  readonly runtime: string;
  readonly placement: Placement;
  readonly capabilities: Capabilities;
  readonly limits: { readonly timeoutMs: number | undefined };
  /** Its calls are objects of their own, by which lines of output are known for theirs. */
  readonly named: boolean;
}

/**
 * The limits of a call that begins now.
 *
 * @param isShort it has an instance, and little to carry there: its time may begin when its deadline is first read.
 * @throws TypeError for a time that is none; ExtensionError `ERR_EXT_UNSUPPORTED` for a limit that cannot be kept; the reason
 * of a signal that has fired already.
 */
export function callLimits(
  { manifest, runtime, placement, capabilities, limits, host, named }: Limited,
  fn: string,
  options: InvokeOptions | undefined,
  isShort: boolean,
): LimitedCall {
  const ownTimeoutMs = options?.timeoutMs;
  const timeoutMs = ownTimeoutMs ?? limits.timeoutMs;
  const signal = options?.signal;
  if (options?.functions !== undefined) checkFunctions(options.functions);
  if (timeoutMs === undefined && signal === undefined && host === undefined && !named) return UNLIMITED;
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS))
    throw new TypeError(`timeoutMs must be a number above 0, up to ${MAX_TIMEOUT_MS}, and is ${timeoutMs}`);
  if (timeoutMs !== undefined && capabilities.deadline === false)
    throw locate(noDeadline(runtime, placement, timeoutMs), manifest.name, fn);
  if (signal !== undefined && capabilities.signal === false)
    throw locate(noSignal(runtime, placement), manifest.name, fn);
  signal?.throwIfAborted();
  if (isShort && timeoutMs !== undefined && host === undefined)
    return new UnreadDeadline(timeoutMs, signal, ownTimeoutMs);
  const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
  if (host !== undefined) return new CallScope(manifest, fn, deadline, options);
  return { deadline, signal, ownTimeoutMs, fn, id: named ? takeCallId() : undefined };
}

/** The refusal of a limit of time where nothing can keep it. */
function noDeadline(runtime: string, placement: Placement, timeoutMs: number): ExtensionError {
  return new ExtensionError(
    "ERR_EXT_UNSUPPORTED",
    `the ${runtime} runtime cannot stop a running call at placement ${placement} (its capabilities.deadline is false), so the call's timeoutMs of ${timeoutMs} is refused: leave it out, ${elsewhere(placement)}`,
  );
}

/** The refusal of a signal where it could not fire, or would stop nothing. */
function noSignal(runtime: string, placement: Placement): ExtensionError {
  return new ExtensionError(
    "ERR_EXT_UNSUPPORTED",
    `an abort signal cannot stop a call of the ${runtime} runtime at placement ${placement} (its capabilities.signal is false), since the guest holds the thread that would fire it: use timeoutMs where capabilities.deadline allows it, ${elsewhere(placement)}`,
  );
}

function elsewhere(placement: Placement): string {
  return placement === "process"
    ? "or run the extension in an engine that can stop its guests"
    : "or place the extension in a thread or a process";
}

import { ExtensionError, type ExtensionErrorCode } from "../errors.ts";
import { limitProblem, RENAMED_LIMITS } from "../manifest/definition.ts";
import type { Limits } from "../manifest/manifest.ts";
import { errorDetails, hasExtras } from "./error-details.ts";

/**
 * Bounds of what a caller or a guest hands over: how long a text may be, and what it may cost the host to read it. They guard the
 * host, so an extension's manifest can lower them and only the host can raise them. What is data is refused past its bound; what is
 * written for people (errors, output) is cut.
 *
 * Bytes are those of the text in UTF-8; characters are UTF-16 units.
 */
export interface Bounds {
  /** Bytes of a payload, and of a host function's answer: what the host gives to a guest. */
  readonly payloadBytes: number;
  /** Bytes of a result. */
  readonly resultBytes: number;
  /** Values, names of members included, of a text that the host parses: a result of `call`, and an argument of a host function. */
  readonly jsonValues: number;
  /** Levels of nesting of such a text. */
  readonly jsonDepth: number;
  /** Characters of a guest error's message, and of its stack. */
  readonly errorChars: number;
  /** Characters of a line of guest output. */
  readonly lineChars: number;
  /** Characters of guest output in one call. */
  readonly logChars: number;
  /** Bytes of the argument of a host function. */
  readonly hostCallBytes: number;
  /** Calls of one host function that may wait for their answers, over all instances of a module. */
  readonly waitingCalls: number;
  /**
   * Memory of the host that the calls of all host functions may take while they wait, in bytes: each counts as {@link BYTES_PER_CALL},
   * its argument's text, and {@link BYTES_PER_VALUE} for each value.
   */
  readonly waitingBytes: number;
}

const MIB = 2 ** 20;

/** RATIONALE.md has the figures behind them. */
export const DEFAULT_BOUNDS: Bounds = Object.freeze({
  payloadBytes: 64 * MIB,
  resultBytes: 16 * MIB,
  jsonValues: 500_000,
  jsonDepth: 1000,
  errorChars: 16_384,
  lineChars: 16_384,
  logChars: 262_144,
  hostCallBytes: 16 * MIB,
  waitingCalls: 1000,
  waitingBytes: 64 * MIB,
});

export type BoundName = keyof Bounds;

/** What V8 keeps for a value of parsed JSON, about: an empty object in an array takes 28 to 90 bytes, a member of its own name 240. */
export const BYTES_PER_VALUE = 64;
/** What keeps a call that waits: promises, closures, a place in a list. */
export const BYTES_PER_CALL = 1024;

/** Bytes of UTF-8 that one UTF-16 unit takes at the most. */
const BYTES_PER_UNIT = 3;

/**
 * The bounds of one module.
 *
 * @param asked the manifest's limits.
 * @param runtime those of the runtime, for extensions that do not say.
 * @param host the host's own for this extension, which go before both.
 * @throws ExtensionError `ERR_EXT_DENIED` where the manifest asks for more than the host gives.
 */
export function resolveBounds(asked: Limits, runtime: Limits, host: Limits): Bounds {
  const bounds: Record<string, number> = {};
  const refused: string[] = [];
  for (const name of Object.keys(DEFAULT_BOUNDS) as BoundName[]) {
    const most = runtime[name] ?? DEFAULT_BOUNDS[name];
    const wanted = asked[name];
    bounds[name] = host[name] ?? wanted ?? most;
    if (host[name] === undefined && wanted !== undefined && wanted > most)
      refused.push(
        `limits.${name} of ${wanted}, and the host gives ${most}, ${runtime[name] === undefined ? "the default" : "set by the options of its runtime"}`,
      );
  }
  if (refused.length === 0) return Object.freeze(bounds as unknown as Bounds);
  throw new ExtensionError(
    "ERR_EXT_DENIED",
    `its manifest asks for ${refused.join("; for ")}: these bounds guard the host, so it raises them itself, in the limits of its policy, of the runtime or of load`,
  );
}

const OTHER_LIMITS = ["timeoutMs", "loadTimeoutMs", "memoryMb", "maxInstances", "maxQueue", "fresh"] as const;
const LIMITS: readonly string[] = [...Object.keys(DEFAULT_BOUNDS), ...OTHER_LIMITS];

/** @throws TypeError for limits that a host gives in code, where a name is not one, or a value none that it can have. */
export function checkLimits(limits: Limits | undefined): void {
  if (limits !== undefined && (typeof limits !== "object" || limits === null))
    throw new TypeError(`limits must be an object, and is ${limits === null ? "null" : typeof limits}`);
  for (const [name, value] of Object.entries(limits ?? {})) {
    const renamed = RENAMED_LIMITS[name];
    if (renamed !== undefined)
      throw new TypeError(`limits.${name} is not a limit: it has the name limits.${renamed} since contract version 2`);
    if (!LIMITS.includes(name)) throw new TypeError(`limits.${name} is not a limit; known are ${LIMITS.join(", ")}`);
    if (Object.hasOwn(DEFAULT_BOUNDS, name) && value !== undefined && !(Number.isSafeInteger(value) && value > 0))
      throw new TypeError(`limits.${name} must be a positive whole number, and is ${String(value)}`);
    const other = OTHER_LIMITS.find((each) => each === name);
    const problem = other === undefined ? undefined : limitProblem(other, value);
    if (problem !== undefined) throw new TypeError(`limits.${name} ${problem}, and is ${shown(value)}`);
  }
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** UTF-16 units up to which a text is surely within so many bytes. */
export function surelyWithin(bytes: number): number {
  return Math.floor(bytes / BYTES_PER_UNIT);
}

/** Bytes of a text where it has more than it may; else `undefined`. Cheap for what is far from the bound. */
export function excessBytes(text: string, most: number): number | undefined {
  if (text.length * BYTES_PER_UNIT <= most) return undefined;
  const bytes = text.length > most ? text.length : Buffer.byteLength(text);
  return bytes > most ? bytes : undefined;
}

/** The error for a text that is longer than its bound. `bytes` may be fewer than there are, where nobody counted on. */
export function tooLong(
  code: ExtensionErrorCode,
  what: string,
  bytes: number,
  name: BoundName,
  most: number,
): ExtensionError {
  return new ExtensionError(
    code,
    `${what} has ${bytes} bytes or more, and limits.${name} is ${most}: make it shorter, or have the host raise that limit`,
  );
}

export function payloadTooLong(bytes: number, { payloadBytes }: Bounds): ExtensionError {
  return tooLong("ERR_EXT_BAD_PAYLOAD", "the payload", bytes, "payloadBytes", payloadBytes);
}

/** For engines: the result is longer than `limits.resultBytes`. To be thrown before it is copied. */
export function resultTooLong(bytes: number, { resultBytes }: Bounds): ExtensionError {
  return tooLong("ERR_EXT_BAD_RESULT", "the result", bytes, "resultBytes", resultBytes);
}

/** Text for people, cut where it is longer than `most` characters. */
export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}… (cut)`;
}

/** An error whose texts are cut where they are longer than `most` characters each. */
export function boundError(error: ExtensionError, most: number): ExtensionError {
  const { guest, stack } = error;
  if (stack !== undefined && stack.length > most) error.stack = cut(stack, most);
  if (error.message.length > most) error.message = cut(error.message, most);
  if (guest === undefined) return error;
  if (hasExtras(guest) || Math.max(guest.name.length, guest.message.length, guest.stack.length) > most)
    Object.defineProperty(error, "guest", {
      value: errorDetails(guest, most),
      enumerable: true,
      configurable: true,
    });
  return error;
}

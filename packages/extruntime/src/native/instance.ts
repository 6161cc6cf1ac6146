import { types } from "node:util";
import type { Call, Instance } from "../contract/engine.ts";
import { errorDetails, withStacks } from "../contract/error-details.ts";
import { ExtensionError, type GuestErrorDetails, guestError } from "../errors.ts";
import type { Config } from "../manifest/config.ts";

/** Characters of what lies below an error: the core cuts at `limits.errorChars` once more. */
const MOST_CHARS = 65_536;

/** What a native function gets beside its value. Frozen, and of that one call: what it asks of the host is asked for that call. */
export interface NativeContext {
  /** Name of the extension. */
  readonly extension: string;
  /** Values of the manifest's `config`, those that the host gives in place of some. Frozen. */
  readonly config: Config;
  /** Passes a line to the host's logger. */
  log(level: "debug" | "info" | "warn" | "error", message: string): void;
  readonly host: NativeHost;
}

/** The host functions that an extension was granted. */
export interface NativeHost {
  /** Calls one with a JSON value; `undefined` is sent as `null`, and what else has no JSON form is a TypeError. Rejects with an Error of the name and message that the function threw. */
  call<Result = unknown>(name: string, value?: unknown): Promise<Result>;
}

/** A guest function of the native engine: any JSON value in, any JSON value or a promise of one out. */
export type NativeFunction = (value: never, context: NativeContext) => unknown;

type AnyFunction = (value: unknown, context: NativeContext) => unknown;

/** The context of a call. */
export type ContextFor = (call: Call) => NativeContext;

export class NativeInstance implements Instance {
  readonly #functions: ReadonlyMap<string, NativeFunction>;
  readonly #context: ContextFor;
  readonly #onClose: () => void;

  constructor(functions: ReadonlyMap<string, NativeFunction>, context: ContextFor, onClose: () => void) {
    this.#functions = functions;
    this.#context = context;
    this.#onClose = onClose;
  }

  invoke(fn: string, payload: string, call: Call): string | Promise<string> {
    const value = parsePayload(payload);
    let result: unknown;
    try {
      result = (this.#functions.get(fn) as AnyFunction)(value, this.#context(call));
      if (isThenable(result)) return settle(result);
    } catch (error) {
      throw thrown(error);
    }
    return stringifyResult(result);
  }

  close(): void {
    this.#onClose();
  }
}

function parsePayload(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch (error) {
    throw new ExtensionError("ERR_EXT_BAD_PAYLOAD", `the payload is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

async function settle(promise: PromiseLike<unknown>): Promise<string> {
  let result: unknown;
  try {
    result = await promise;
  } catch (error) {
    throw thrown(error);
  }
  return stringifyResult(result);
}

function stringifyResult(result: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(result);
  } catch (error) {
    const details = describe(error);
    throw new ExtensionError("ERR_EXT_BAD_RESULT", `the result has no JSON form: ${details.message}`, { cause: error });
  }
  if (text !== undefined) return text;
  if (result === undefined) return "null";
  throw new ExtensionError("ERR_EXT_BAD_RESULT", `the result has no JSON form: it is a ${typeof result}`);
}

/** An error that the host's own code threw through the guest (another extension's failure, say) keeps nothing of its code: it is the guest's to handle. */
export function thrown(error: unknown): ExtensionError {
  return guestError(describe(error), error);
}

/** Name, message and stack of whatever was thrown: not every thrown thing is an Error, and reading one can throw. */
function describe(error: unknown): GuestErrorDetails {
  try {
    if (types.isNativeError(error) || error instanceof Error)
      return {
        ...withStacks(errorDetails(error, MOST_CHARS), withoutHost),
        name: String(error.name),
        message: String(error.message),
        stack: withoutHost(String(error.stack ?? "")),
      };
    if (typeof error === "object" && error !== null) {
      const { name, message, stack } = error as Record<string, unknown>;
      if (typeof message === "string")
        return {
          ...withStacks(errorDetails(error, MOST_CHARS), withoutHost),
          name: typeof name === "string" ? name : "Error",
          message,
          stack: typeof stack === "string" ? withoutHost(stack) : "",
        };
      return { name: "thrown value", message: JSON.stringify(error) ?? "[object]", stack: "" };
    }
    return { name: "thrown value", message: typeof error === "string" ? error : String(error), stack: "" };
  } catch {
    return { name: "thrown value", message: "(it cannot be shown: reading it throws)", stack: "" };
  }
}

/** Of this package's modules, whatever their place in it. */
const HOST_FOLDER = new URL("..", import.meta.url).href;

/** The guest's own frames: below the call of it are those of its host, which differ from placement to placement, and above it may be those of `host.call`. */
function withoutHost(stack: string): string {
  const lines = stack.split("\n");
  const end = lines.findIndex((line) => line.includes(import.meta.url));
  const own = end < 0 ? lines : lines.slice(0, end);
  return own.filter((line) => !line.includes(HOST_FOLDER) && !line.includes("(node:internal/")).join("\n");
}

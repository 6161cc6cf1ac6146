import type { GuestErrorDetails } from "../errors.ts";
import { cut } from "./bounds.ts";

/**
 * What is told of an error beside its name, message and stack, on its way between a guest and the host. It comes from strangers, as parsed JSON or as objects of this realm:
 * the functions here are total, and what they give is plain data within its bounds.
 */

/** Errors below one, along its causes and its parts. */
const MOST_DEPTH = 8;
/** Characters that an error below another counts as, beside its texts: so there cannot be many empty ones. */
const CHARS_OF_ERROR = 32;

type Told = Pick<GuestErrorDetails, "code" | "data" | "cause" | "errors">;

/**
 * @param value with `name`, `message`, `stack` where they are strings, and what else an error may have.
 * @param most characters of each of its texts, and of all that lies below it together.
 */
export function errorDetails(value: object, most: number): GuestErrorDetails {
  return new Reader(most).whole(value);
}

/** The same without a stack and without those of its causes: for the other side, which is not to see it. `undefined` where there is nothing to tell. */
export function errorExtras(value: object, most: number): object | undefined {
  const extras = new Reader(most, false).extras(value, 0);
  return Object.keys(extras).length === 0 ? undefined : extras;
}

/** Whether it has anything beside its three texts. */
export function hasExtras({ code, data, cause, errors }: GuestErrorDetails): boolean {
  return code !== undefined || data !== undefined || cause !== undefined || errors !== undefined;
}

/** With the stacks of it, and of all below it, as `ofStack` makes them. */
export function withStacks(details: GuestErrorDetails, ofStack: (stack: string) => string): GuestErrorDetails {
  const { cause, errors } = details;
  return {
    ...details,
    stack: ofStack(details.stack),
    ...(cause === undefined ? {} : { cause: withStacks(cause, ofStack) }),
    ...(errors === undefined ? {} : { errors: errors.map((each) => withStacks(each, ofStack)) }),
  };
}

class Reader {
  readonly #most: number;
  /** Whether stacks are told. */
  readonly #stacks: boolean;
  #left: number;

  constructor(most: number, stacks = true) {
    this.#most = most;
    this.#stacks = stacks;
    this.#left = most;
  }

  whole(value: object): GuestErrorDetails {
    const text = (key: string) => {
      const own = read(value, key);
      return typeof own === "string" ? cut(own, this.#most) : undefined;
    };
    const name = text("name") ?? "Error";
    return { name, message: text("message") ?? "", stack: text("stack") ?? "", ...this.extras(value, 0) };
  }

  extras(value: object, depth: number): Told {
    const code = this.#code(read(value, "code"));
    const data = this.#data(read(value, "data"));
    const cause = this.#below(read(value, "cause"), depth);
    const errors = this.#parts(read(value, "errors"), depth);
    return {
      ...(code === undefined ? {} : { code }),
      ...(data === undefined ? {} : { data }),
      ...(cause === undefined ? {} : { cause }),
      ...(errors === undefined ? {} : { errors }),
    };
  }

  #code(value: unknown): string | number | undefined {
    if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
    return typeof value === "string" ? this.#text(value) : undefined;
  }

  /** A copy: what is nested too deeply, or is too long, is left out. */
  #data(value: unknown): unknown {
    if (value === undefined) return undefined;
    try {
      const json = JSON.stringify(value);
      if (json === undefined || json.length > this.#left) return undefined;
      this.#left -= json.length;
      return JSON.parse(json);
    } catch {
      return undefined;
    }
  }

  #below(value: unknown, depth: number): GuestErrorDetails | undefined {
    if (value === undefined || value === null || depth >= MOST_DEPTH || this.#left < CHARS_OF_ERROR) return undefined;
    this.#left -= CHARS_OF_ERROR;
    const text = (own: unknown) => (typeof own === "string" ? this.#text(own) : undefined);
    if (typeof value !== "object")
      return {
        name: "thrown value",
        message: this.#text(typeof value === "symbol" ? "a symbol" : `${value}`),
        stack: "",
      };
    const name = text(read(value, "name"));
    const message = text(read(value, "message"));
    const stack = this.#stacks ? text(read(value, "stack")) : undefined;
    return {
      name: name ?? (message === undefined ? "thrown value" : "Error"),
      message: message ?? "",
      stack: stack ?? "",
      ...this.extras(value, depth + 1),
    };
  }

  #parts(value: unknown, depth: number): GuestErrorDetails[] | undefined {
    const parts: GuestErrorDetails[] = [];
    try {
      if (!Array.isArray(value)) return undefined;
      for (let i = 0; i < value.length; i++) {
        const part = this.#below(value[i], depth);
        if (part === undefined) break;
        parts.push(part);
      }
    } catch {
      // An array may be a proxy.
    }
    return parts.length === 0 ? undefined : parts;
  }

  #text(value: string): string {
    const told = value.length > this.#left ? cut(value, Math.max(0, this.#left)) : value;
    this.#left -= value.length;
    return told;
  }
}

/** Reading what a guest made may throw. */
function read(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

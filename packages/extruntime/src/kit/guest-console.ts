import type { Bounds } from "../contract/bounds.ts";
import { errorDetails, withStacks } from "../contract/error-details.ts";
import type { GuestErrorDetails } from "../errors.ts";
import { LEAST_LINE } from "./guest-log.ts";

/** Characters of what a console makes of values in one line, whatever a longer line may have. */
const MOST_OF_VALUES = 10_000;

/** What a guest's console is made of. */
export interface GuestConsoleOptions {
  /** Expression for what an error looks like, from `value` and its strings `stack` and `message`. */
  readonly error: string;
  /** Function in scope that takes a level and a line. */
  readonly log: string;
  /** What goes past them is not let out of the guest: a line or an error is cut there, and output dropped, which the core says. */
  readonly bounds: Pick<Bounds, "errorChars" | "lineChars" | "logChars">;
}

/** Characters of each text: the guest has cut them at `limits.errorChars`, and the core looks once more. */
const MOST_CHARS = 65_536;

/** What a guest has thrown, from the text that its `describe` made, without the mark. */
export function readDescription(description: string, ofStack: (stack: string) => string): GuestErrorDetails {
  const [name, message, stack, more] = JSON.parse(description.slice(1)) as [string, string, string, object?];
  const own = { name, message, stack: ofStack(stack) };
  if (more === undefined) return own;
  return { ...withStacks(errorDetails(more, MOST_CHARS), ofStack), ...own };
}

/**
 * Source text for the code that a JavaScript engine puts between the host and its guests: it defines `console`, to be made
 * the guest's; `describe(error, mark)`, which tells of what a guest has thrown: the mark, and in a JSON array three strings: name, message, stack, and an object where it has
 * a `code`, `data`, a `cause` or `errors`; the host reads it by `readDescription`. And
 * `output`, the characters that the guest may still say, to be set to `outputOfCall` when a call begins.
 *
 * It expects in scope `stringify` of JSON, `apply` of Reflect, `isArray` of Array, `keys` of Object, `slice` of
 * String.prototype and `text`, which is String, as they were before any guest code ran; and it iterates nothing, pushes to no
 * array and calls no method by name, so that a guest which replaces built-ins changes its own view and nothing of this.
 */
export function guestConsole({ error, log, bounds }: GuestConsoleOptions): string {
  const { errorChars, logChars } = bounds;
  const lineChars = Math.min(bounds.lineChars, MOST_OF_VALUES);
  return `
const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

const short = (value) => value.length > ${errorChars} ? apply(slice, value, [0, ${errorChars}]) + "\\u2026 (cut)" : value;
const details = (mark, name, message, stack, more) =>
  mark + "[" + stringify(short(name)) + "," + stringify(short(message)) + "," + stringify(short(stack)) + (more === undefined ? "]" : "," + more + "]");

// Of what lies below an error: characters that may still be told.
let left = 0;
const told = (value) => {
  const own = value.length > left ? apply(slice, value, [0, left > 0 ? left : 0]) + "\u2026 (cut)" : value;
  left -= value.length;
  return stringify(own);
};
const below = (value, depth) => {
  if (value === undefined || value === null || depth > 8 || left < 32) return undefined;
  left -= 32;
  if (!isObject(value)) return '{"name":"thrown value","message":' + told(text(value)) + "}";
  let name, message, stack;
  try { name = value.name; } catch {}
  try { message = value.message; } catch {}
  try { stack = value.stack; } catch {}
  const named = typeof name === "string" ? name : typeof message === "string" ? "Error" : "thrown value";
  return '{"name":' + told(named) + (typeof message === "string" ? ',"message":' + told(message) : "") +
    (typeof stack === "string" ? ',"stack":' + told(stack) : "") + more(value, depth) + "}";
};
// Members of an object of JSON, each after a comma.
const more = (error, depth) => {
  let out = "";
  try {
    const code = error.code;
    if (typeof code === "string") out += ',"code":' + told(code);
    else if (typeof code === "number") out += ',"code":' + stringify(code);
  } catch {}
  try {
    const data = error.data, json = data === undefined ? undefined : stringify(data);
    if (typeof json === "string" && json.length <= left) {
      left -= json.length;
      out += ',"data":' + json;
    }
  } catch {}
  try {
    const cause = below(error.cause, depth + 1);
    if (cause !== undefined) out += ',"cause":' + cause;
  } catch {}
  try {
    const errors = error.errors;
    if (isArray(errors)) {
      let all = "";
      for (let i = 0; i < errors.length; i++) {
        const one = below(errors[i], depth + 1);
        if (one === undefined) break;
        all += (all === "" ? "" : ",") + one;
      }
      if (all !== "") out += ',"errors":[' + all + "]";
    }
  } catch {}
  return out;
};
const extras = (error) => {
  left = ${errorChars};
  const all = more(error, 0);
  return all === "" ? undefined : "{" + apply(slice, all, [1]) + "}";
};

const describe = (error, mark) => {
  try {
    room = ${lineChars};
    if (!isObject(error)) return details(mark, "thrown value", text(error), "");
    const message = error.message;
    if (typeof message !== "string") return details(mark, "thrown value", show(error, 0, null), "");
    const name = error.name, stack = error.stack;
    return details(mark, typeof name === "string" ? name : "Error", message, typeof stack === "string" ? stack : "", extras(error));
  } catch {
    return details(mark, "thrown value", "(it cannot be shown: reading it throws)", "");
  }
};

let room = 0;
const show = (value, depth, parents) => {
  if (typeof value === "string") {
    const shown = value.length > room ? apply(slice, value, [0, room > 0 ? room : 0]) + "\\u2026" : value;
    room -= shown.length;
    return depth < 0 ? shown : stringify(shown);
  }
  room -= 8;
  if (typeof value === "function") return "[function]";
  if (typeof value === "bigint") return text(value) + "n";
  if (!isObject(value)) return text(value);
  if (depth > 4) return isArray(value) ? "[\\u2026]" : "{\\u2026}";
  for (let parent = parents; parent !== null; parent = parent.parent) if (parent.value === value) return "[circular]";
  try {
    const chain = { __proto__: null, value, parent: parents };
    const { stack, message } = value;
    if (typeof stack === "string" && typeof message === "string") return ${error};
    if (typeof value.toJSON === "function") return show(value.toJSON(), depth + 1, chain);
    return isArray(value) ? showItems(value, depth, chain) : showFields(value, depth, chain);
  } catch {
    return "[unreadable]";
  }
};

const showItems = (value, depth, chain) => {
  let out = "";
  for (let i = 0; i < value.length; i++) {
    if (room <= 0) return "[" + out + ",\\u2026]";
    out += (i === 0 ? "" : ",") + show(value[i], depth < 0 ? 1 : depth + 1, chain);
  }
  return "[" + out + "]";
};

const showFields = (value, depth, chain) => {
  let out = "";
  const all = keys(value);
  for (let i = 0; i < all.length; i++) {
    if (room <= 0) return "{" + out + ",\\u2026}";
    out += (i === 0 ? "" : ",") + show(all[i], 0, null) + ":" + show(value[all[i]], depth < 0 ? 1 : depth + 1, chain);
  }
  return "{" + out + "}";
};

const outputOfCall = ${logChars};
let output = outputOfCall;
const line = (level, values) => {
  if (output <= 0) {
    // One more is let out, by which the core sees that there was more, and says so.
    if (output > -Infinity) ${log}(level, "");
    output = -Infinity;
    return;
  }
  room = ${lineChars};
  let out = "";
  for (let i = 0; i < values.length && room > 0; i++) out += (i === 0 ? "" : " ") + show(values[i], -1, null);
  if (out.length > ${lineChars}) out = apply(slice, out, [0, ${lineChars}]) + "\\u2026";
  output -= out.length > ${LEAST_LINE} ? out.length : ${LEAST_LINE};
  ${log}(level, out);
};

const console = {
  log: (...values) => line("info", values),
  info: (...values) => line("info", values),
  debug: (...values) => line("debug", values),
  warn: (...values) => line("warn", values),
  error: (...values) => line("error", values),
};
`;
}

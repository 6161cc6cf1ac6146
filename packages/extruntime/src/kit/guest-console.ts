import type { Bounds } from "../contract/bounds.ts";
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

/**
 * Source text for the code that a JavaScript engine puts between the host and its guests: it defines `console`, to be made
 * the guest's; `describe(error, mark)`, which tells of what a guest has thrown: the mark, and in a JSON array three strings: name, message, stack; and
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
const details = (mark, name, message, stack) =>
  mark + "[" + stringify(short(name)) + "," + stringify(short(message)) + "," + stringify(short(stack)) + "]";

const describe = (error, mark) => {
  try {
    room = ${lineChars};
    if (!isObject(error)) return details(mark, "thrown value", text(error), "");
    const message = error.message;
    if (typeof message !== "string") return details(mark, "thrown value", show(error, 0, null), "");
    const name = error.name, stack = error.stack;
    return details(mark, typeof name === "string" ? name : "Error", message, typeof stack === "string" ? stack : "");
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

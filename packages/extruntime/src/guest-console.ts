/** Characters of one line of a guest's console. */
const LINE = 10_000;

export interface GuestConsoleOptions {
  /** Expression for what an error looks like, from `value` and its strings `stack` and `message`. */
  readonly error: string;
  /** Function in scope that takes a level and a line. */
  readonly log: string;
}

/**
 * Source text for the code that a JavaScript engine puts between the host and its guests: it defines `console`, to be made
 * the guest's, and `describe(error, mark)`, which tells of what a guest has thrown: the mark, and in a JSON array three strings: name, message, stack.
 *
 * It expects in scope `stringify` of JSON, `apply` of Reflect, `isArray` of Array, `keys` of Object, `slice` of
 * String.prototype and `text`, which is String, as they were before any guest code ran; and it iterates nothing, pushes to no
 * array and calls no method by name, so that a guest which replaces built-ins changes its own view and nothing of this.
 */
export function guestConsole({ error, log }: GuestConsoleOptions): string {
  return `
const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

const details = (mark, name, message, stack) =>
  mark + "[" + stringify(name) + "," + stringify(message) + "," + stringify(stack) + "]";

const describe = (error, mark) => {
  try {
    room = ${LINE};
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

const line = (level, values) => {
  room = ${LINE};
  let out = "";
  for (let i = 0; i < values.length && room > 0; i++) out += (i === 0 ? "" : " ") + show(values[i], -1, null);
  if (out.length > ${LINE}) out = apply(slice, out, [0, ${LINE}]) + "\\u2026";
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

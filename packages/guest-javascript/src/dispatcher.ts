/** File name of the dispatcher in the guest's stacks; its frames are left out of what a host is shown. */
export const DISPATCHER_FILE = "extruntime:dispatcher";

/** First character of an answer; anything else begins JSON text. */
export const MARK = {
  /** The guest answered with a promise that has not settled. */
  pending: "P",
  /** The payload is not JSON. A description of the parser's error follows. */
  badPayload: "B",
  /** The result has no JSON form. A description of the error follows. */
  badResult: "R",
  /** The guest threw. A description follows. */
  thrown: "E",
  /** The result is longer than it may be, and stays in the guest. Its length in characters follows. */
  tooLong: "L",
  /** What an invoker returns where the host took the call back before its turn. */
  skipped: "S",
} as const;

/**
 * Source text that keeps the built-ins which the dispatcher and `guestConsole` use, to be run before any guest code. A guest that
 * replaces `JSON.parse` or puts accessors on `Object.prototype` then changes its own view and nothing of the wire format. For the same
 * reason all text here iterates nothing, pushes to no array and calls no method by name.
 *
 * `builtin` has every name that is there before the guest: a builtin is no function of the extension, and one of that name which the guest defined is.
 */
export const KEPT_BUILTINS = `
const { parse, stringify } = JSON, { apply, construct } = Reflect, { isArray } = Array, { keys, getOwnPropertyNames } = Object;
const { slice } = String.prototype, { hasOwnProperty } = Object.prototype, text = String;
const builtin = { __proto__: null };
const remember = (names) => {
  for (let i = 0; i < names.length; i++) if (names[i] !== "__proto__") builtin[names[i]] = globalThis[names[i]];
};
remember(getOwnPropertyNames(Object.prototype));
remember(getOwnPropertyNames(globalThis));
`;

/** Source text of `find` and `names`: the functions that a module's namespace holds, or the global object where `holder` is undefined. */
export const ENTRIES_OF_FUNCTIONS = `
const find = (holder, name) => {
  const from = holder === undefined ? globalThis : holder;
  const value = apply(hasOwnProperty, from, [name]) ? from[name] : undefined;
  return typeof value === "function" && value !== builtin[name] ? value : undefined;
};

const names = (holder) => {
  let found = "";
  const from = holder === undefined ? globalThis : holder;
  const all = keys(from);
  for (let i = 0; i < all.length; i++)
    if (find(from, all[i]) !== undefined) found += (found === "" ? "" : ", ") + all[i];
  return found;
};
`;

/**
 * Source text of `noJson(result)`, which answers for what JSON.stringify has no text for; `finish(result)`, the answer for a result; and
 * `settle(promise, mine)`, which runs the statements of `give` with `answer` and the call's number `mine` once a promise has settled.
 * It expects what `guestConsole` defines.
 */
export function guestAnswers({ give, longest }: { give: string; longest?: number }): string {
  const tooLong = longest === undefined ? "" : `if (json.length > ${longest}) return "${MARK.tooLong}" + json.length;`;
  return `
const noJson = (result) => {
  const type = typeof result;
  return type === "function" || type === "symbol" ? details("R", "TypeError", "it is a " + type, "") : "null";
};

const finish = (result) => {
  let json;
  try {
    json = stringify(result);
  } catch (error) {
    return describe(error, "R");
  }
  if (json === undefined) return noJson(result);
  ${tooLong}
  return json;
};

const settle = async (promise, mine) => {
  let answer;
  try {
    answer = finish(await promise);
  } catch (error) {
    answer = describe(error, "E");
  }
  ${give}
};
`;
}

import { type Bounds, guestConsole } from "extruntime/engine";

/** File name of the dispatcher in the guest's stacks; its frames are left out of what a host is shown. */
export const DISPATCHER_FILE = "extruntime:dispatcher";

/** First character of what an invoker returns; anything else begins JSON text. */
export const MARK = {
  /** The guest answered with a promise: run the jobs, then ask `take`, which says this too while the promise is pending. */
  pending: "P",
  /** The payload is not JSON. A description of the parser's error follows. */
  badPayload: "B",
  /** The result has no JSON form. A description of the error follows. */
  badResult: "R",
  /** The guest threw. A description follows. */
  thrown: "E",
} as const;

/** What the dispatcher's factory returns, by index. */
export const ENTRY = { bind: 0, take: 1, find: 2, names: 3, describe: 4, collect: 5 } as const;

/**
 * The code that stands between the host and a guest, inside the guest's context: a function that takes the host's log
 * function, sets up `console`, and returns the entries above. It is evaluated before any guest code and keeps the
 * built-ins that it needs, so a guest that replaces `JSON.parse` or puts accessors on `Object.prototype` changes its
 * own view and nothing of the wire format. For the same reason it iterates nothing, pushes to no array and calls no
 * method by name; it refers to guest objects only where JSON or `await` would.
 *
 * `collect` makes QuickJS look for garbage in circles, for which this build has no function: it makes such garbage
 * until the first of it is gone. It must be garbage: the next search comes when half as much again as this one left is in use.
 */
export function dispatcher(bounds: Bounds): string {
  return `(function (log) {
"use strict";
const { parse, stringify } = JSON, { apply } = Reflect, { isArray } = Array, { keys } = Object, { slice } = String.prototype;
const text = String;
const { getOwnPropertyNames } = Object, { hasOwnProperty } = Object.prototype;
const builtin = { __proto__: null };
const note = (holder, names) => {
  for (let i = 0; i < names.length; i++) builtin[names[i]] = holder[names[i]];
};
note(Object.prototype, getOwnPropertyNames(Object.prototype));
note(globalThis, getOwnPropertyNames(globalThis));
${guestConsole({ error: 'value.name + ": " + message + "\\n" + stack', log: "say", bounds })}
const say = (level, line) => log(level, stringify(line));

const noJson = (result) => {
  const type = typeof result;
  return type === "function" || type === "symbol" ? details("R", "TypeError", "it is a " + type, "") : "null";
};

const finish = (result) => {
  try {
    const json = stringify(result);
    return json === undefined ? noJson(result) : json;
  } catch (error) {
    return describe(error, "R");
  }
};

let ticket = 0, outcome = "P";
const settle = async (promise, mine) => {
  let answer;
  try {
    answer = finish(await promise);
  } catch (error) {
    answer = describe(error, "E");
  }
  if (mine === ticket) outcome = answer;
};

const bind = (fn, name) => fn === builtin[name] ? undefined : (payload) => {
  // The hot path: every call in here costs a tenth of a microsecond.
  output = outputOfCall;
  let mark = "B", result, json;
  try {
    const value = parse(payload);
    mark = "E";
    result = fn(value);
    if (typeof result === "object" && result !== null && typeof result.then === "function") {
      outcome = "P";
      settle(result, ++ticket);
      return "P";
    }
    mark = "R";
    json = stringify(result);
  } catch (error) {
    return describe(error, mark);
  }
  return json === undefined ? noJson(result) : json;
};

const take = () => outcome;

const find = (holder, name) => {
  const value = apply(hasOwnProperty, holder, [name]) ? holder[name] : undefined;
  return typeof value === "function" && value !== builtin[name] ? value : undefined;
};

const names = (holder) => {
  let found = "";
  const all = keys(holder);
  for (let i = 0; i < all.length; i++)
    if (all[i] !== "console" && find(holder, all[i]) !== undefined) found += (found === "" ? "" : ", ") + all[i];
  return stringify(found);
};

const Weak = WeakRef, { deref } = WeakRef.prototype;
const collect = () => {
  let circle = { __proto__: null, self: null };
  circle.self = circle;
  const first = new Weak(circle);
  for (let i = 1; i < 300000; i++) {
    circle = { __proto__: null, self: null };
    circle.self = circle;
    if (i % 256 === 0 && apply(deref, first, []) === undefined) return;
  }
};

globalThis.console = console;
return [bind, take, find, names, (error) => describe(error, "E"), collect];
})`;
}

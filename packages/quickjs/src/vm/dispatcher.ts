import { type Bounds, guestConsole } from "extruntime/engine";
import { ENTRIES_OF_FUNCTIONS, guestAnswers, KEPT_BUILTINS } from "../guest-javascript/index.ts";

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
${KEPT_BUILTINS}
${guestConsole({ error: 'value.name + ": " + message + "\\n" + stack', log: "say", bounds })}
const say = (level, line) => log(level, stringify(line));

let ticket = 0, outcome = "P";
${guestAnswers({ give: "if (mine === ticket) outcome = answer;" })}
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

${ENTRIES_OF_FUNCTIONS}
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
return [bind, take, find, (holder) => stringify(names(holder)), (error) => describe(error, "E"), collect];
})`;
}

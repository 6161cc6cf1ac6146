import { type Bounds, guestConsole } from "extruntime/engine";
import { HOST_CALLER, NO_HOST_CALLER } from "./host-caller.ts";
import { CELL } from "./turns.ts";

/** File name of the dispatcher in the guest's stacks; its frames are left out of what a host is shown. */
export const DISPATCHER_FILE = "extruntime:dispatcher";

/** Lines of a guest's console that may be on their way to the host before the guest waits for it. */
const UNHEARD = 200;

/** Calls whose answers the guest keeps, and how long one may be that is kept past the next call. */
const KEPT = 64;
const KEPT_LENGTH = 65_536;

/** First character of what an invoker returns; anything else begins JSON text. */
export const MARK = {
  /** The guest answered with a promise: its reactions run when the invoker has returned, then `take` has the answer. */
  pending: "P",
  /** The payload is not JSON. A description of the parser's error follows. */
  badPayload: "B",
  /** The result has no JSON form. A description of the error follows. */
  badResult: "R",
  /** The guest threw. A description follows. */
  thrown: "E",
  /** The result is longer than it may be, and stays in the guest. Its length in characters follows. */
  tooLong: "L",
  /** The host took the call back before its turn. */
  skipped: "S",
  /** From `take` alone: the guest waits for the host. */
  hosted: "H",
} as const;

/** What the dispatcher returns, by index. */
export const ENTRY = { find: 0, bind: 1, take: 2, names: 3, ready: 4, deliver: 5 } as const;

/** Globals that reach memory which the isolate's limit does not count, or threads. */
const UNCOUNTED = ["WebAssembly", "SharedArrayBuffer", "Atomics"];

/**
 * The code between the host and a guest, inside the guest's context: the body of a function that gets the host's log
 * function as `$0` (which does not wait) and `$1` (which does), and the memory of `turns.ts` as `$2`, and returns the entries above. It runs before any guest code and keeps the built-ins that it needs, so a
 * guest that replaces `JSON.parse` or puts accessors on `Object.prototype` changes its own view and nothing of the wire
 * format. For the same reason it iterates nothing, pushes to no array and calls no method by name. Only strings, and the
 * entries themselves, cross the boundary: a guest never holds an object of isolated-vm.
 *
 * With `hosted` the guest gets a `host`: see `host-caller.ts`.
 */
export function dispatcher({ intl, hosted, bounds }: { intl: boolean; hosted: boolean; bounds: Bounds }): string {
  const removed = intl ? UNCOUNTED : [...UNCOUNTED, "Intl"];
  return `"use strict";
const logLater = $0, logNow = $1, cells = new Int32Array($2), { compareExchange, load, store } = Atomics;
const { parse, stringify } = JSON, { apply, construct } = Reflect, { isArray } = Array, { keys, getOwnPropertyNames } = Object;
const { slice } = String.prototype, { hasOwnProperty } = Object.prototype, text = String, NoResize = TypeError;
for (const name of ${JSON.stringify(removed)}) delete globalThis[name];
// isolated-vm 5 on Node 20 has it under another name of one character.
if (!("E" in Math)) Object.defineProperty(Math, "E", { value: 2.718281828459045 });

${guestConsole({ error: "stack", log: "log", bounds })}
// A resizable buffer takes its memory past the isolate's allocator, and so past the limit.
const FixedBuffer = new Proxy(ArrayBuffer, {
  __proto__: null,
  construct(target, args, derived) {
    if (isObject(args[1]) && args[1].maxByteLength !== undefined)
      throw new NoResize("an ArrayBuffer cannot be resizable here: maxByteLength is not supported");
    return construct(target, [args[0]], derived);
  },
});
Object.defineProperty(ArrayBuffer.prototype, "constructor", { value: FixedBuffer });
Object.defineProperty(globalThis, "ArrayBuffer", { value: FixedBuffer });

const builtin = { __proto__: null };
const remember = (names) => {
  for (let i = 0; i < names.length; i++) if (names[i] !== "__proto__") builtin[names[i]] = globalThis[names[i]];
};
remember(getOwnPropertyNames(Object.prototype));
remember(getOwnPropertyNames(globalThis));

const finish = (result) => {
  let json;
  try {
    json = stringify(result);
  } catch (error) {
    return describe(error, "R");
  }
  if (json !== undefined) return json.length > ${bounds.resultBytes} ? "L" + json.length : json;
  const type = typeof result;
  return type === "function" || type === "symbol" ? details("R", "TypeError", "it is a " + type, "") : "null";
};

// The answers to the last calls, by the call's number: the host takes those that it did not get when a call returned.
const KEPT = ${KEPT}, kept = { __proto__: null }, owners = { __proto__: null };
let ticket = 0;
const keep = (mine, answer) => {
  const slot = mine % KEPT;
  if (owners[slot] === mine) kept[slot] = answer;
};

const mostAsked = ${bounds.hostCallBytes};
${hosted ? HOST_CALLER : NO_HOST_CALLER}
const settle = async (promise, mine) => {
  let answer;
  try {
    answer = finish(await promise);
  } catch (error) {
    answer = describe(error, "E");
  }
  keep(mine, answer);
  end(mine);
};

const answer = (fn, payload, mine) => {
  let value;
  try {
    value = parse(payload);
  } catch (error) {
    return describe(error, "B");
  }
  let result;
  try {
    result = fn(value);
    if (isObject(result) && typeof result.then === "function") {
      keep(mine, "P");
      settle(result, mine);
      return "P";
    }
  } catch (error) {
    return describe(error, "E");
  }
  return finish(result);
};

// A builtin is no function of the extension; one of that name which the guest defined is.
const bind = (fn, name) => fn === builtin[name] ? undefined : (payload) => {
  const before = ticket % KEPT, mine = ++ticket;
  const seen = compareExchange(cells, ${CELL.turn}, mine - 1, mine);
  if (seen !== mine - 1) {
    if (mine <= -seen) return "S";
    store(cells, ${CELL.turn}, mine);
  }
  begin();
  output = outputOfCall;
  if (kept[before] !== undefined && kept[before].length > ${KEPT_LENGTH}) kept[before] = undefined;
  owners[mine % KEPT] = mine;
  keep(mine, undefined);
  const text = answer(fn, payload, mine);
  if (text !== "P") {
    keep(mine, text);
    end(mine);
  }
  return text;
};

const take = (mine) => {
  const slot = mine % KEPT;
  if (owners[slot] !== mine) return undefined;
  if (open > 0 && kept[slot] === "P") return "H";
  owners[slot] = undefined;
  return kept[slot];
};

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

// A module that waits at its top level for what never comes leaves its importer's own exports without values.
const ready = (importer) => {
  try {
    return importer.ready === true ? importer.guest : undefined;
  } catch {
    return undefined;
  }
};

// A guest on the host's own thread is heard at once. On another it does not wait for the host, unless it says too much.
let said = 0;
const log = (level, text) => {
  if (load(cells, ${CELL.here}) === 1) logNow(level, text);
  else if (((said - load(cells, ${CELL.heard})) | 0) < ${UNHEARD}) {
    said = (said + 1) | 0;
    logLater(level, text);
  } else {
    store(cells, ${CELL.waits}, 1);
    logNow(level, text);
    store(cells, ${CELL.waits}, 0);
  }
};

Object.defineProperty(globalThis, "console", { value: console, writable: true, enumerable: false, configurable: true });
return [find, bind, take, names, ready, deliver];
`;
}

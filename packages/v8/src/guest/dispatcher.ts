import { type Bounds, guestConsole } from "extruntime/engine";
import { ENTRIES_OF_FUNCTIONS, guestAnswers, KEPT_BUILTINS } from "../guest-javascript/index.ts";
import { HOST_CALLER, NO_HOST_CALLER } from "./host-caller.ts";
import { CELL } from "./shared-cells.ts";

/** Lines of a guest's console that may be on their way to the host before the guest waits for it. */
const UNHEARD = 200;

/** What the dispatcher returns, by index. */
export const ENTRY = { bindNamed: 0, bind: 1, take: 2, names: 3, ready: 4, deliver: 5 } as const;

/** Globals that reach memory which the isolate's limit does not count, or threads. */
const UNCOUNTED = ["WebAssembly", "SharedArrayBuffer", "Atomics"];

/**
 * The code between the host and a guest, inside the guest's context: the body of a function that gets the host's log
 * function as `$0` (which does not wait) and `$1` (which does), the memory of `shared-cells.ts` as `$2`, and the function that takes an
 * answer as `$3` (which does not wait), and returns the entries above.
 *
 * Off the host's thread an answer is sent with `$3` as soon as there is one, also from within the microtasks, and is on its way before
 * the call's operation ends. So when the host hears that an operation has ended, it has the answer, and no second
 * operation fetches it: one that waited behind the next call would be lost with that call's isolate. On the host's thread an invoker
 * returns the answer, and `take` has it where that was a promise.
 *
 * It runs before any guest code and keeps the built-ins that it needs, so a
 * guest that replaces `JSON.parse` or puts accessors on `Object.prototype` changes its own view and nothing of the wire
 * format. For the same reason it iterates nothing, pushes to no array and calls no method by name. Only strings, and the
 * entries themselves, cross the boundary: a guest never holds an object of isolated-vm.
 *
 * With `hosted` the guest gets a `host`: see `host-caller.ts`.
 */
export function dispatcher({ intl, hosted, bounds }: { intl: boolean; hosted: boolean; bounds: Bounds }): string {
  const removed = intl ? UNCOUNTED : [...UNCOUNTED, "Intl"];
  return `"use strict";
const logLater = $0, logNow = $1, cells = new Int32Array($2), tell = $3, { compareExchange, load, store } = Atomics;
const NoResize = TypeError;
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
${KEPT_BUILTINS}
// The number of the call that started last, and its answer where the host blocks its thread for it.
let ticket = 0, kept;
const give = (mine, answer) => {
  if (mine !== ticket) return;
  if (load(cells, ${CELL.here}) === 1) kept = answer;
  else {
    try {
      tell(mine, answer);
    } catch (error) {
      tell(mine, describe(error, "R"));
    }
  }
};

const mostAsked = ${bounds.hostCallBytes}, mostWaiting = ${bounds.waitingBytes};
${hosted ? HOST_CALLER : NO_HOST_CALLER}
${guestAnswers({ give: "give(mine, answer); end(mine);", longest: bounds.resultBytes })}
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
      settle(result, mine);
      return "P";
    }
  } catch (error) {
    return describe(error, "E");
  }
  return finish(result);
};

// Calls come in the order of their numbers.
const bind = (fn, name) => fn === builtin[name] ? undefined : (mine, payload) => {
  for (let seen = load(cells, ${CELL.turn}); ; ) {
    if (seen < 0 && mine <= -seen) return "S";
    const found = compareExchange(cells, ${CELL.turn}, seen, mine);
    if (found === seen) break;
    seen = found;
  }
  ticket = mine;
  begin();
  output = outputOfCall;
  kept = "P";
  const text = answer(fn, payload, mine);
  if (text !== "P") {
    give(mine, text);
    end(mine);
  }
  return load(cells, ${CELL.here}) === 1 ? text : undefined;
};

const take = (mine) => mine === ticket ? kept : undefined;

${ENTRIES_OF_FUNCTIONS}
const bindNamed = (holder, name) => {
  const fn = find(holder, name);
  return fn === undefined ? undefined : bind(fn, name);
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
return [bindNamed, bind, take, names, ready, deliver];
`;
}

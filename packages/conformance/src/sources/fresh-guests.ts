import { javascript } from "./javascript.ts";
import { HOST_FUNCTION, type KitGuest } from "./kit-guest.ts";
import { python } from "./python.ts";
import { packed, pointerFunction, pointerGuest } from "./wasm.ts";
import {
  branch,
  type Code,
  DROP,
  get,
  getGlobal,
  i32,
  LOAD,
  loop,
  MEMORY_FILL,
  MEMORY_GROW,
  MEMORY_SIZE,
  NE,
  RETURN,
  STORE,
  set,
  setGlobal,
  UNREACHABLE,
  type WasmFunction,
  when,
} from "./wasm-assembler.ts";

/**
 * Guests that leave traces of every kind that their language has, and tell which they find. `look` returns the names of those, and `top` where what the
 * top level made is not as it was; `leave` leaves them all, `fail`, `forever` and `exhaust` do so before they end otherwise, and `fill` keeps 8 MiB.
 */
const EXPORTS = ["look", "leave", "fail", "forever", "exhaust", "fill"];

const JAVASCRIPT = `
let count = 0;
const kept = [];
const made = new Map([["made", 41]]);
made.set("made", made.get("made") + 1);
globalThis.atTheTop = { made: true };
const pattern = /a/g;
class Box { static count = 0; }
function* counting() { for (let i = 0; ; i++) yield i; }
const counter = counting();
counter.next();
const shared = { list: [1, 2, 3] };
const hidden = Symbol.for("hidden");
const define = (target, name, value) => Object.defineProperty(target, name, { value, configurable: true, writable: true });
const prototypes = { object: Object.prototype, array: Array.prototype, function: Function.prototype, string: String.prototype, error: Error.prototype, promise: Promise.prototype };

const traces = {
  variable: [() => count !== 0, () => count++],
  list: [() => kept.length !== 0, (value) => kept.push(value)],
  global: [() => "left" in globalThis, (value) => { globalThis.left = value; }],
  "hidden global": [() => hidden in globalThis, (value) => define(globalThis, hidden, value)],
  static: [() => Box.count !== 0, () => Box.count++],
  "state of a pattern": [() => pattern.lastIndex !== 0, () => pattern.test("aa")],
  generator: [() => counter.next().value !== 1, () => counter.next()],
  "nested object": [() => shared.list.length !== 3 || Object.isFrozen(shared), () => { shared.list.push(4); Object.freeze(shared); }],
  "built-in function": [() => Math.max(1, 2) !== 2, () => { Math.max = () => 0; }],
  "member of a built-in": [() => "left" in JSON, (value) => define(JSON, "left", value)],
  "prototype of a prototype": [() => Object.getPrototypeOf(RegExp.prototype) !== Object.prototype, () => Object.setPrototypeOf(RegExp.prototype, { left: 1 })],
  "frozen built-in": [() => Object.isFrozen(Number.prototype), () => Object.freeze(Number.prototype)],
  "deleted built-in": [() => typeof globalThis.isFinite !== "function", () => { delete globalThis.isFinite; }],
  console: [() => typeof console === "object" && "left" in console, (value) => typeof console === "object" && define(console, "left", value)],
  ...Object.fromEntries(Object.entries(prototypes).map(([name, prototype]) => [
    "prototype of " + name,
    [() => Object.hasOwn(prototype, "left by a call"), (value) => define(prototype, "left by a call", value)],
  ])),
};
const isWhole = () => made.get("made") === 42 && made.size === 1 && globalThis.atTheTop?.made === true;

export function look() {
  const found = Object.keys(traces).filter((name) => traces[name][0]());
  return isWhole() ? found : ["top", ...found];
}
export function leave(value) {
  for (const name of Object.keys(traces)) traces[name][1](value);
  made.clear();
  delete globalThis.atTheTop;
  return value;
}
export function fail(value) { leave(value); throw new Error("it left and failed"); }
export function forever(value) { leave(value); for (;;); }
export function exhaust(value) { leave(value); for (;;) kept.push(new Array(100_000).fill(kept.length)); }
export function fill(value) { kept.push(new Uint8Array(8 << 20).fill(1)); return value; }
`;

const JAVASCRIPT_HOST = `
const ask = (context, value) => (context?.host ?? globalThis.host).call(${JSON.stringify(HOST_FUNCTION)}, value);
let late = null;
export const later = (value, context) => {
  ask(context, value).then((answer) => { late = answer; globalThis.late = answer; }, (error) => { late = error.message; });
  return null;
};
export const look = () => late ?? globalThis.late ?? null;
`;

const PYTHON = `
import builtins, os, sys

count = 0
kept = []
made = {'made': 41}
made['made'] += 1

class Box:
    count = 0

def default(value=[]):
    return value

def see_count():
    return count != 0

def leave_count():
    global count
    count += 1

TRACES = {
    'variable': (see_count, lambda value: leave_count()),
    'list': (lambda: len(kept) != 0, lambda value: kept.append(value)),
    'class': (lambda: Box.count != 0 or hasattr(Box, 'left'), lambda value: (setattr(Box, 'count', 1), setattr(Box, 'left', value))),
    'default': (lambda: len(default()) != 0, lambda value: default().append(value)),
    'builtins': (lambda: hasattr(builtins, 'left'), lambda value: setattr(builtins, 'left', value)),
    'built-in function': (lambda: max(1, 2) != 2, lambda value: setattr(builtins, 'max', lambda *all: 0)),
    'module': (lambda: 'left' in sys.modules, lambda value: sys.modules.__setitem__('left', value)),
    'member of a module': (lambda: hasattr(sys, 'left'), lambda value: setattr(sys, 'left', value)),
    'path': (lambda: 'left' in sys.path, lambda value: sys.path.append('left')),
    'environment': (lambda: 'LEFT' in os.environ, lambda value: os.environ.__setitem__('LEFT', '1')),
}

def look(value):
    found = [name for name, (see, _) in TRACES.items() if see()]
    return found if made == {'made': 42} else ['top', *found]

def leave(value):
    for _, act in TRACES.values():
        act(value)
    made.clear()
    return value

def fail(value):
    leave(value)
    raise ValueError('it left and failed')

def forever(value):
    leave(value)
    while True:
        pass

def exhaust(value):
    leave(value)
    while True:
        kept.append([len(kept)] * 100_000)

def fill(value):
    kept.append(bytearray(b'1') * (8 << 20))
    return value
`;

export function freshJavascript(): [string, KitGuest][] {
  return [
    ["fresh", javascript(JAVASCRIPT, EXPORTS)],
    ["fresh-host", javascript(JAVASCRIPT_HOST, ["later", "look"])],
  ];
}

export function freshPython(): [string, KitGuest][] {
  return [["fresh", python(PYTHON, EXPORTS)]];
}

/** Bytes that the guest's top level and its calls write. */
const [TOP, LEFT] = [256, 260];
/** Globals: the allocator's, one of the top level, one of calls. */
const [TOP_GLOBAL, LEFT_GLOBAL] = [1, 2];
/** `data.drop` of a segment, and reading from it; a table's entry, written and read. */
const DROP_SEGMENT: Code = [0xfc, 9, 0];
const FROM_SEGMENT: Code = [...i32(LEFT + 4), ...i32(0), ...i32(1), 0xfc, 8, 0, 0];
const NULL_FUNCTION: Code = [0xd0, 0x70];
const EQUAL: Code = [0x46];
const TABLE_GET: Code = [0x25, 0];
const TABLE_SET: Code = [0x26, 0];
const IS_NULL: Code = [0xd1];

/** What `look` answers, as bytes at a place of its own. */
const ANSWERS = [[], ["top"], ["memory"], ["global"], ["grown"], ["table"]].map((names, i) => ({
  at: 512 + i * 32,
  bytes: Buffer.from(JSON.stringify(names)),
}));

export function freshWasm(): [string, KitGuest][] {
  return [
    ["fresh", wasmGuest(false)],
    ["fresh-table", wasmGuest(true)],
  ];
}

/** @param more it changes its table and drops a segment as well. */
function wasmGuest(more: boolean): KitGuest {
  const answer = (index: number): Code => {
    const { at, bytes } = ANSWERS[index]!;
    return packed(i32(at), i32(bytes.length));
  };
  const tell = (condition: Code, index: number): Code => [...condition, ...when(answer(index), RETURN)];
  const leaving: Code = [
    ...[...i32(LEFT), ...i32(1), ...STORE, ...i32(TOP), ...i32(0), ...STORE],
    ...[...i32(9), ...setGlobal(LEFT_GLOBAL), ...i32(0), ...setGlobal(TOP_GLOBAL)],
    ...[...i32(2), ...MEMORY_GROW, ...DROP],
    ...(more ? [...i32(0), ...NULL_FUNCTION, ...TABLE_SET, ...DROP_SEGMENT] : []),
  ];
  // What was given, as bytes.
  const back = packed(get(0), get(1));
  const full = (pages: number): Code => [...i32(pages), ...MEMORY_GROW, ...set(2), ...get(2), ...i32(-1), ...EQUAL];
  const functions: WasmFunction[] = [
    pointerFunction(
      "look",
      tell([...i32(TOP), ...LOAD, ...i32(42), ...NE], 1),
      tell([...getGlobal(TOP_GLOBAL), ...i32(7), ...NE], 1),
      tell([...i32(LEFT), ...LOAD, ...i32(0), ...NE], 2),
      tell([...getGlobal(LEFT_GLOBAL), ...i32(0), ...NE], 3),
      tell([...MEMORY_SIZE, ...i32(1), ...NE], 4),
      // Traps where the segment was dropped.
      more ? [...FROM_SEGMENT, ...tell([...i32(0), ...TABLE_GET, ...IS_NULL], 5)] : [],
      answer(0),
    ),
    pointerFunction("leave", leaving, back),
    pointerFunction("fail", leaving, UNREACHABLE),
    pointerFunction("forever", leaving, loop(branch(0)), UNREACHABLE),
    pointerFunction("exhaust", leaving, loop(full(16), when(UNREACHABLE), branch(0)), UNREACHABLE),
    pointerFunction(
      "fill",
      ...[full(128), when(UNREACHABLE), get(2), i32(65_536), [0x6c], i32(1), i32(8 << 20), MEMORY_FILL],
      back,
    ),
    { code: [...i32(TOP), ...i32(42), ...STORE, ...i32(7), ...setGlobal(TOP_GLOBAL)] },
  ];
  const parts = { functions, globals: [0, 0], start: functions.length - 1, data: ANSWERS };
  return pointerGuest(more ? { ...parts, table: 1, elements: [0], passive: [Buffer.of(1)] } : parts, EXPORTS);
}

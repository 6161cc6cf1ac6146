import { javascript } from "./javascript.ts";
import { WALK } from "./javascript-walk.ts";
import { HOST_FUNCTION, type KitGuest } from "./kit-guest.ts";

/** What a function is handed beside its value, its module's `import.meta`, and what calls the host. */
const ROOTS = `
const rootsOf = (self, given) => { const roots = [["this", self], ["import.meta", import.meta]]; for (let i = 1; i < given.length; i++) roots[i + 1] = ["arguments." + i, given[i]]; return roots; };
`;

/** `mark(tag)` leaves a mark on every object that it reaches; `look(tag)` lists the paths of those that have it. */
const MARKS = `
const keyOf = (tag) => Symbol.for("kit.mark." + tag);
export function mark(tag) {
  const key = keyOf(tag);
  let count = 0;
  walk((object) => { if (defineProperty(object, key, { value: true, configurable: true })) count++; }, rootsOf(this, arguments));
  globalThis["kitMark" + tag] = true;
  (0, eval)("var kitVariable" + tag + " = true");
  return count;
}
export function look(tag) {
  const key = keyOf(tag), found = [];
  walk((object, path) => { if (getOwnPropertyDescriptor(object, key) !== undefined) found.push(path); }, rootsOf(this, arguments));
  for (const name of ["kitMark" + tag, "kitVariable" + tag]) if (name in globalThis) found.push(name);
  return found;
}
/** Marks its instance, and stays in it until the host answers. */
export async function hold(tag) {
  mark(tag);
  return globalThis.host.call(${JSON.stringify(HOST_FUNCTION)}, tag);
}
`;

/**
 * `spy()` replaces every function that it reaches by one that notes what it is called with and works as before, and has setters on `Object.prototype` note what is set; `forge()` has all of them
 * answer with nonsense. `heard()` is what was noted.
 */
const SPY = String.raw`
const { construct } = Reflect;
let notes = "", busy = false;
const note = (value, depth) => {
  if (typeof value === "string") { if (notes.length < 2e5) notes += sliced(value, 0, 300) + "\n"; return; }
  if (!isObject(value) || depth > 2) return;
  let keys = [];
  try { keys = ownKeys(value); } catch {}
  for (let i = 0; i < keys.length && i < 20; i++) { let found; try { found = getOwnPropertyDescriptor(value, keys[i]); } catch {} if (found !== undefined) note(found.value, depth + 1); }
};
const noteAll = (self, args, result) => { if (busy) return; busy = true; note(self, 0); note(args, 0); note(result, 0); busy = false; };
function replaceAll(make) {
  const all = [];
  let count = 0;
  walk((object, path, keys) => {
    for (let i = 0; i < keys.length; i++) {
      let found;
      try { found = getOwnPropertyDescriptor(object, keys[i]); } catch {}
      if (found !== undefined && typeof found.value === "function" && (found.configurable || found.writable) && keys[i] !== "constructor") defineProperty(all, count++, { value: [object, keys[i], found] });
    }
  });
  for (let i = 0; i < count; i++) { const object = all[i][0], key = all[i][1], found = all[i][2]; try { defineProperty(object, key, { value: make(found.value), writable: true, enumerable: found.enumerable, configurable: found.configurable }); } catch {} }
  return count;
}
export function spy() {
  for (const name of ["secret", "value", "payload", "result", "then", "toJSON", "list", "0", "1", "message", "stack"]) defineProperty(Object.prototype, name, { configurable: true, get() { return undefined; }, set(value) { noteAll(this, [value]); defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true }); } });
  return replaceAll((original) => {
    const replacement = function (...args) { const result = new.target === undefined ? apply(original, this, args) : construct(original, args, new.target === replacement ? original : new.target); noteAll(this, args, result); return result; };
    try { replacement.prototype = original.prototype; Object.setPrototypeOf?.(replacement, original); } catch {}
    return replacement;
  });
}
export function forge() { return replaceAll(() => () => "forged"); }
export function heard() { return notes; }
`;

/** `work(secret)` computes with many built-ins, prints, calls the host where it may, and answers with what does not change from call to call. */
const WORK = `
export async function work(secret) {
  const list = [];
  list.push(secret, "b", "a");
  const copy = JSON.parse(JSON.stringify({ secret, list: list.map((each) => each + "!"), when: new Date(0), nothing: undefined }));
  const later = await Promise.resolve(copy.list).then((all) => all.slice().sort().join("|"));
  const self = (function () { return this.secret; });
  const map = new Map([[secret, 1]]), set = new Set([secret, secret]), object = Object.assign({}, { secret }), made = {};
  made.secret = secret;
  made[0] = secret;
  console.log("worked with", secret);
  const random = [Math.random(), Math.random(), Math.random()];
  return {
    copy, later, made, object,
    calls: [self.call({ secret }), self.apply({ secret }, []), self.bind({ secret })(), Reflect.apply(self, { secret }, [])],
    kept: [...map.keys(), ...set, ...Object.values(object), ...Object.entries(object).flat()],
    text: [secret.toUpperCase(), secret.replace(/[0-9]/g, "#"), secret.split("-").reverse(), encodeURIComponent(secret + " "), Array.from(secret).length, secret.includes("-"), String(Symbol("s").description), secret.concat("x").slice(1, 5)],
    numbers: [Number("1.5"), parseInt("12px"), Math.max(1, 3, 2), Math.round(2.5), (1234.5678).toFixed(1), 255n.toString(16)],
    random: random.every((each) => each >= 0 && each < 1) && random[0] !== random[1],
    clock: Math.abs(Date.now() - new Date().getTime()) < 60000 && Date.now() > 1.6e12,
    errors: (() => { try { null.x; } catch (error) { return [error instanceof TypeError, error.name]; } })(),
    typed: Array.from(new Uint8Array([1, 2, 300])),
    global: typeof globalThis.polluted,
  };
}
`;

/** One guest for both sides: the one that tampers, and the one that must not notice. */
export function realmGuest(): KitGuest {
  const exports = ["mark", "look", "hold", "spy", "forge", "heard", "work"];
  return javascript(`${WALK}${ROOTS}${MARKS}${SPY}${WORK}`, exports);
}

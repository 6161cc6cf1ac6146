/**
 * Guest code that goes through every object that a guest can reach by properties and prototypes: `walk(visit, roots)` calls `visit(object, path)` once for each. Paths are as
 * `Array.prototype.push`; what only syntax reaches has the name of its prototype. It keeps the built-ins that it needs, so it may be used after they were replaced.
 */
export const WALK = `
const { ownKeys, getOwnPropertyDescriptor, getPrototypeOf, defineProperty, apply } = Reflect;
const inSet = Function.prototype.call.bind(Set.prototype.has), toSet = Function.prototype.call.bind(Set.prototype.add), NewSet = Set;
const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";
const textOf = String, startsWith = Function.prototype.call.bind(String.prototype.startsWith), sliced = Function.prototype.call.bind(String.prototype.slice);
const keyName = (key) => { if (typeof key !== "symbol") return key; const text = textOf(key.description); return "@@" + (startsWith(text, "Symbol.") ? sliced(text, 7) : text); };
const SYNTAX = [
  ["Object.prototype", getPrototypeOf({})], ["Function.prototype", getPrototypeOf(() => {})], ["Array.prototype", getPrototypeOf([])],
  ["AsyncFunction.prototype", getPrototypeOf(async () => {})], ["GeneratorFunction.prototype", getPrototypeOf(function* () {})], ["AsyncGeneratorFunction.prototype", getPrototypeOf(async function* () {})],
  ["Iterator.prototype", getPrototypeOf(getPrototypeOf([][Symbol.iterator]()))], ["AsyncIterator.prototype", getPrototypeOf(getPrototypeOf(getPrototypeOf((async function* () {})())))],
  ["ArrayIterator.prototype", getPrototypeOf([][Symbol.iterator]())], ["StringIterator.prototype", getPrototypeOf(""[Symbol.iterator]())], ["MapIterator.prototype", getPrototypeOf(new Map()[Symbol.iterator]())],
  ["SetIterator.prototype", getPrototypeOf(new Set()[Symbol.iterator]())], ["RegExpStringIterator.prototype", getPrototypeOf("".matchAll(/x/g))],
  ["TypedArray", getPrototypeOf(Uint8Array)], ["TypedArray.prototype", getPrototypeOf(Uint8Array.prototype)],
];
function walk(visit, roots = []) {
  const seen = new NewSet(), queue = [];
  let length = 0;
  const add = (value, path) => {
    if (!isObject(value) || inSet(seen, value)) return;
    toSet(seen, value);
    defineProperty(queue, length++, { value: [value, path], configurable: true });
  };
  add(globalThis, "globalThis");
  for (let i = 0; i < SYNTAX.length; i++) add(SYNTAX[i][1], SYNTAX[i][0]);
  for (let i = 0; i < roots.length; i++) add(roots[i][1], roots[i][0]);
  for (let i = 0; i < length; i++) {
    const object = queue[i][0], path = queue[i][1];
    let keys = [];
    try { keys = ownKeys(object); } catch {}
    for (let k = 0; k < keys.length; k++) {
      let found;
      try { found = getOwnPropertyDescriptor(object, keys[k]); } catch {}
      if (found === undefined) continue;
      const at = (path === "globalThis" ? "" : path + ".") + keyName(keys[k]);
      add(found.value, at);
      add(found.get, at + " (get)");
      add(found.set, at + " (set)");
    }
    try { add(getPrototypeOf(object), path + ".__proto__"); } catch {}
    visit(object, path, keys);
  }
}
`;

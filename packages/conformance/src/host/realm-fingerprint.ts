import { EventEmitter } from "node:events";
import fs from "node:fs";

/** The objects of the host's realm that a guest would change to get at the host. */
const OBJECTS: Readonly<Record<string, object>> = {
  globalThis,
  Object,
  "Object.prototype": Object.prototype,
  Function,
  "Function.prototype": Function.prototype,
  Array,
  "Array.prototype": Array.prototype,
  "String.prototype": String.prototype,
  "Number.prototype": Number.prototype,
  "RegExp.prototype": RegExp.prototype,
  Promise,
  "Promise.prototype": Promise.prototype,
  Error,
  "Error.prototype": Error.prototype,
  Map,
  "Map.prototype": Map.prototype,
  Set,
  "Set.prototype": Set.prototype,
  "WeakMap.prototype": WeakMap.prototype,
  "WeakRef.prototype": WeakRef.prototype,
  Date,
  "Date.prototype": Date.prototype,
  "BigInt.prototype": BigInt.prototype,
  "ArrayBuffer.prototype": ArrayBuffer.prototype,
  "DataView.prototype": DataView.prototype,
  "TypedArray.prototype": Object.getPrototypeOf(Uint8Array.prototype) as object,
  "AsyncFunction.prototype": Object.getPrototypeOf(async () => {}) as object,
  "GeneratorFunction.prototype": Object.getPrototypeOf(function* () {}) as object,
  String,
  Number,
  RegExp,
  Symbol,
  Proxy,
  Atomics,
  "EventEmitter.prototype": EventEmitter.prototype,
  fs,
  "Symbol.prototype": Symbol.prototype,
  "Iterator.prototype": Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as object,
  "Uint8Array.prototype": Uint8Array.prototype,
  Buffer,
  "Buffer.prototype": Buffer.prototype,
  JSON,
  Reflect,
  Math,
  process,
  console,
};

/** Properties of `globalThis` and `process` that held their values from the start. */
const STEADY = new Set(
  [globalThis, process].flatMap((object) =>
    Reflect.ownKeys(object).filter((key) => "value" in (Reflect.getOwnPropertyDescriptor(object, key) ?? {})),
  ),
);

/** Identities of functions, as numbers, so that a replaced one is seen. */
const identities = new WeakMap<object, number>();
let count = 0;

/** The identities of all properties of those objects, by their paths. */
export type Fingerprint = ReadonlyMap<string, string>;

export function fingerprint(): Fingerprint {
  const found = new Map<string, string>();
  for (const [name, object] of Object.entries(OBJECTS))
    for (const key of Reflect.ownKeys(object)) found.set(`${name}.${String(key)}`, property(object, key));
  return found;
}

/** Paths of the properties that came, went or changed. */
export function changes(before: Fingerprint, after: Fingerprint): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path));
}

/** Accessors of `globalThis` and `process` make their values when they are first read, so only that they are there is looked at. */
function property(object: object, key: string | symbol): string {
  if ((object === globalThis || object === process) && !STEADY.has(key)) return "there";
  const { value, get, set } = Reflect.getOwnPropertyDescriptor(object, key) ?? {};
  return `${identity(value)}${identity(get)}${identity(set)}`;
}

/** Values that are no functions change by themselves, as `process.exitCode` does. */
function identity(value: unknown): string {
  if (typeof value !== "function") return "";
  let number = identities.get(value);
  if (number === undefined) {
    number = ++count;
    identities.set(value, number);
  }
  return `${number};`;
}

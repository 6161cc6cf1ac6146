// Engines that declare `hardSandbox` and whose guests reach each other or the host, made from `vm-engine.mjs`. `{ lie }` chooses; `{ lie: "none" }` is the engine itself.
import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";
import { vmEngine } from "./vm-engine.mjs";

const realm = () => createContext(undefined, { codeGeneration: { strings: true, wasm: false } });
const readFile = (path) => readFileSync(String(path), "utf8");

/** Lies about whose realm a guest runs in. `made` counts the realms that were asked for. */
const realms = (choose) => () => {
  let made = 0;
  return { context: (extension) => choose(extension, made++) };
};

const one = realm();
const byExtension = new WeakMap();

/** Lies by something that guests find: code in their realm, which is given the host's function. */
const planted =
  (prelude, given = () => readFile) =>
  () => ({ prelude: `function (read) { ${prelude} }`, given });

/** An object of one realm that all guests have in the place of their own. */
const sharedObject = (name) => {
  const donor = realm();
  return planted(
    `Object.defineProperty(globalThis, "${name}", { value: read, writable: true, configurable: true });`,
    () => runInContext(name, donor),
  );
};

const lies = {
  none: () => ({}),
  "one realm for all modules": realms(() => one),
  "one realm for all modules of a runtime": () => {
    const own = realm();
    return { context: () => own };
  },
  "one realm for all instances of a module": realms((extension) => {
    const key = extension.manifest;
    if (!byExtension.has(key)) byExtension.set(key, realm());
    return byExtension.get(key);
  }),
  "a store of eight realms": () => {
    const store = Array.from({ length: 8 }, realm);
    let next = 0;
    return { context: () => store[next++ % store.length] };
  },
  "one Math for all modules": sharedObject("Math"),
  "one JSON for all modules": sharedObject("JSON"),
  "one Promise for all modules": sharedObject("Promise"),
  "prototypes of another realm": () => {
    const donor = realm();
    return planted("Object.setPrototypeOf(Array.prototype, read);", () =>
      runInContext("({ __proto__: Object.prototype })", donor),
    )();
  },
  "a global that reads files": planted("globalThis.read = (path) => read(path);"),
  "a global that reads files, not enumerable": planted(
    'Object.defineProperty(globalThis, "_r", { value: (path) => read(path), enumerable: false });',
  ),
  "a global that reads files, under a symbol": planted("globalThis[Symbol('internal')] = (path) => read(path);"),
  "a global that reads files, by a getter": planted(
    'Object.defineProperty(globalThis, "files", { get: () => (path) => read(path) });',
  ),
  "a global that reads files, inherited": planted("Object.prototype.slurp = (path) => read(path);"),
  "a member of Math that reads files": planted("Math.load = (path) => read(path);"),
  "a member of Function.prototype that reads files": planted(
    'Object.defineProperty(Function.prototype, "file", { value: (path) => read(path) });',
  ),
  "a member of a function that reads files": planted("parseInt.from = (path) => read(path);"),
  "an unescape that reads files": planted(
    "const before = unescape; globalThis.unescape = (path) => { try { return read(path); } catch { return before(path); } };",
  ),
  "frames of the host in stacks": () => ({ stack: (_, whole) => whole }),
  "frames of the host in stacks, without host functions": () => ({
    stack: (own) => `${own}\n    at invoke (${import.meta.url}:1:1)\n    at node:internal/process/task_queues:95:5`,
    capabilities: { hostFunctions: false },
  }),
  "a global with the host's environment": planted("globalThis.env = read;", () => runInContext("({})", realm())),
};

export const sandboxLiar = ({ lie, ...options }) => vmEngine(lies[lie](), options);

import { ExtensionError } from "extruntime/engine";
import {
  cannotImport,
  isSyntaxError,
  isVariableName,
  neitherScriptNorModule,
  resolveImport,
  type Sources,
  topLevelNeverSettles,
  unknownFunction,
  variableIfFunction,
} from "../guest-javascript/index.ts";
import type { Context, IsolatedVm, Module, Reference, Script } from "../isolate/isolated-vm.ts";
import type { ENTRY } from "./dispatcher.ts";
import type { Guest } from "./guest.ts";
import { Invoker, Outbox } from "./guest-call.ts";
import { type Steps, step } from "./sync-or-async.ts";

/** A module that runs after the guest's, so that one whose top level never ends can be told from one that has. */
const IMPORTER = `import * as guest from "main"; export { guest }; export const ready = true;`;
const REFERENCE = { result: { reference: true } } as const;

/** What a guest's functions are properties of: a module's namespace, or `undefined` for the global object. */
type Holder = Reference | undefined;

/** What a load starts from. */
export interface GuestCode {
  readonly sources: Sources;
  /** Functions that it must have. */
  readonly exports: readonly string[];
  /** Code cache by path, which later loads take and the first one fills. */
  readonly cache: Map<string, object>;
}

/** Runs the guest's top level, and makes an invoker for each of its exports. */
export function* loadGuest(vm: IsolatedVm, guest: Guest, code: GuestCode): Steps<Map<string, Invoker>> {
  const loader = new Loader(guest, yield* guest.prepare(vm), code);
  const holder = yield* loader.evaluate();
  const invokers = new Map<string, Invoker>();
  const outbox = new Outbox();
  for (const name of code.exports) invokers.set(name, new Invoker(guest, outbox, yield* loader.bind(holder, name)));
  return invokers;
}

class Loader {
  readonly #guest: Guest;
  readonly #context: Context;
  readonly #sources: Sources;
  readonly #cache: Map<string, object>;

  constructor(guest: Guest, context: Context, code: GuestCode) {
    this.#guest = guest;
    this.#context = context;
    this.#sources = code.sources;
    this.#cache = code.cache;
  }

  /** A `.mjs` file is a module; a `.js` file is a script if it parses as one. */
  *evaluate(): Steps<Holder> {
    const { main } = this.#sources;
    if (main.endsWith(".mjs")) return yield* this.#evaluateModule();
    let script: Script;
    try {
      script = yield* this.#compileScript(main);
    } catch (error) {
      if (!isSyntaxError(error)) throw error;
      return yield* this.#evaluateModule(error);
    }
    yield* step({
      later: () => script.run(this.#context),
      now: () => script.runSync(this.#context),
    });
    return undefined;
  }

  *bind(holder: Holder, name: string): Steps<Reference> {
    const fn = (yield* this.#find("find", holder?.derefInto(), name)) ?? (yield* this.#findElsewhere(holder, name));
    if (fn !== undefined) {
      const invoker = yield* this.#find("bind", fn.derefInto(), name);
      if (invoker !== undefined) return invoker;
    }
    const entry = this.#guest.entry("names");
    const args = [holder?.derefInto()];
    const found = yield* step({
      later: () => entry.apply(undefined, args),
      now: () => entry.applySync(undefined, args),
    });
    throw unknownFunction(this.#sources.main, name, typeof found === "string" ? found : "");
  }

  *#compileScript(path: string): Steps<Script> {
    const { isolate } = this.#guest;
    const source = this.#source(path);
    const options = this.#compileOptions(path);
    const script = yield* step({
      later: () => isolate.compileScript(source, options),
      now: () => isolate.compileScriptSync(source, options),
    });
    if (script.cachedData !== undefined) this.#cache.set(path, script.cachedData);
    return script;
  }

  *#evaluateModule(scriptError?: ExtensionError): Steps<Reference> {
    const { main } = this.#sources;
    const modules = new Map<string, Module>();
    try {
      yield* this.#compileModules(main, modules);
    } catch (error) {
      throw neitherScriptNorModule(this.#source(main), scriptError, error);
    }
    const paths = new Map([...modules].map(([path, module]) => [module, path]));
    const importer = yield* this.#compileModule(IMPORTER, "extruntime:importer");
    const resolve = (specifier: string, referrer: Module) =>
      referrer === importer ? modules.get(main)! : modules.get(resolveImport(paths.get(referrer)!, specifier))!;
    yield* step({
      later: () => importer.instantiate(this.#context, resolve),
      now: () => importer.instantiateSync(this.#context, resolve),
    });
    yield* step({ later: () => importer.evaluate(), now: () => importer.evaluateSync() });
    const namespace = yield* this.#entry("ready", importer.namespace.derefInto());
    if (namespace.typeof === "object") return namespace;
    throw topLevelNeverSettles(main);
  }

  /** Compiles a module and all that it imports, each once. */
  *#compileModules(path: string, modules: Map<string, Module>): Steps<void> {
    const module = yield* this.#compileModule(this.#source(path), path);
    modules.set(path, module);
    for (const specifier of module.dependencySpecifiers) {
      const target = resolveImport(path, specifier);
      if (!this.#sources.files.has(target)) throw importError(target, path);
      if (!modules.has(target)) yield* this.#compileModules(target, modules);
    }
  }

  *#compileModule(source: string, filename: string): Steps<Module> {
    const { isolate } = this.#guest;
    return yield* step({
      later: () => isolate.compileModule(source, { filename }),
      now: () => isolate.compileModuleSync(source, { filename }),
    });
  }

  /** A module may also put its functions on the global object; a script may have them in its top-level scope. */
  *#findElsewhere(holder: Holder, name: string): Steps<Reference | undefined> {
    if (holder !== undefined) return yield* this.#find("find", undefined, name);
    if (!isVariableName(name)) return undefined;
    const code = variableIfFunction(name);
    const options = { filename: this.#sources.main, reference: true } as const;
    try {
      const found = yield* step({
        later: () => this.#context.eval(code, options),
        now: () => this.#context.evalSync(code, options),
      });
      return functionOf(found);
    } catch (error) {
      // A reserved word names nothing.
      if (isSyntaxError(error)) return undefined;
      throw error;
    }
  }

  *#find(entry: "find" | "bind", ...args: unknown[]): Steps<Reference | undefined> {
    return functionOf(yield* this.#entry(entry, ...args));
  }

  /** What an entry of the dispatcher's returns, which may read what the guest made. */
  *#entry(name: keyof typeof ENTRY, ...args: unknown[]): Steps<Reference> {
    const entry = this.#guest.entry(name);
    return yield* step({
      later: () => entry.apply(undefined, args, REFERENCE),
      now: () => entry.applySync(undefined, args, REFERENCE),
    });
  }

  #source(path: string): string {
    return this.#sources.files.get(path)!;
  }

  #compileOptions(path: string) {
    const cachedData = this.#cache.get(path);
    return cachedData === undefined ? { filename: path, produceCachedData: true } : { filename: path, cachedData };
  }
}

function functionOf(found: Reference): Reference | undefined {
  return found.typeof === "function" ? found : undefined;
}

function importError(target: string, path: string): ExtensionError {
  const message = cannotImport(target);
  return new ExtensionError("ERR_EXT_GUEST", `Error: ${message}`, {
    guest: { name: "Error", message, stack: `Error: ${message}\n    at ${path}` },
  });
}

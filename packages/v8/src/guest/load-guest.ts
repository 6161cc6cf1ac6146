import { ExtensionError } from "extruntime/engine";
import {
  cannotImport,
  configSource,
  DISPATCHER_FILE,
  isSyntaxError,
  isVariableName,
  neitherScriptNorModule,
  resolveImport,
  type Sources,
  topLevelNeverSettles,
  unknownFunction,
  variableIfFunction,
} from "../guest-javascript/index.ts";
import type { Context, Module, Reference, Script } from "../isolate/isolated-vm.ts";
import type { ENTRY } from "./dispatcher.ts";
import type { Guest } from "./guest.ts";
import { Invoker, Outbox } from "./guest-call.ts";
import { type Steps, step } from "./sync-or-async.ts";

/** A module that runs after the guest's, so that one whose top level never ends can be told from one that has. */
const IMPORTER = `import * as guest from "main"; export { guest }; export const ready = true;`;
/** Characters up to which a source is compiled on the host's thread, and anew each time: that takes less than a trip to the isolate's, or than to make a code cache. */
const SHORT = 16_384;
const REFERENCE = { result: { reference: true } } as const;

/** What a guest's functions are properties of: a module's namespace, or `undefined` for the global object. */
type Holder = Reference | undefined;

/** What a load starts from. */
export interface GuestCode {
  readonly sources: Sources;
  /** Values for it, as JSON. */
  readonly config: string | undefined;
  /** Functions that it must have. */
  readonly exports: readonly string[];
  /** Code cache by path, which later loads take and the first one fills. */
  readonly cache: Map<string, object>;
}

/** Runs the guest's top level, and makes an invoker for each of its exports. */
export function* loadGuest(guest: Guest, code: GuestCode): Steps<Map<string, Invoker>> {
  const context = yield* guest.prepare();
  if (code.config !== undefined)
    context.evalClosureSync(configSource(code.config), [], { filename: DISPATCHER_FILE, ...REFERENCE });
  const loader = new Loader(guest, context, code);
  const invokers = new Map<string, Invoker>();
  const outbox = new Outbox();
  for (const [name, bound] of yield* loader.load(code.exports)) invokers.set(name, new Invoker(guest, outbox, bound));
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

  /** A `.mjs` file is a module; a `.js` file is a script if it parses as one. Returns the functions of these names, as the dispatcher calls them. */
  *load(names: readonly string[]): Steps<Map<string, Reference>> {
    const { main } = this.#sources;
    if (main.endsWith(".mjs")) return yield* this.#loadModule(names);
    let script: Script;
    try {
      script = yield* this.#compileScript(main);
    } catch (error) {
      if (!isSyntaxError(error)) throw error;
      return yield* this.#loadModule(names, error);
    }
    // The functions are asked for without a wait for the top level: that is one trip to the isolate's thread and back for both.
    const entry = this.#guest.entry("bindNamed");
    const [, ...found] = yield* step<unknown[]>({
      later: () => allOf([script.run(this.#context), ...askFor(entry, undefined, names)]),
      now: () => [script.runSync(this.#context), ...askNow(entry, undefined, names)],
    });
    return yield* this.#bound(undefined, names, found as Reference[]);
  }

  *#loadModule(names: readonly string[], scriptError?: ExtensionError): Steps<Map<string, Reference>> {
    const namespace = yield* this.#evaluateModule(scriptError);
    return yield* this.#bound(namespace, names, yield* this.#named(namespace, names));
  }

  *#bound(holder: Holder, names: readonly string[], found: readonly Reference[]): Steps<Map<string, Reference>> {
    const bound = new Map<string, Reference>();
    for (const [index, name] of names.entries())
      bound.set(name, functionOf(found[index]!) ?? (yield* this.#elsewhere(holder, name)));
    return bound;
  }

  *#named(holder: Holder, names: readonly string[]): Steps<Reference[]> {
    const entry = this.#guest.entry("bindNamed");
    return yield* step({
      later: () => allOf(askFor(entry, holder, names)),
      now: () => askNow(entry, holder, names),
    });
  }

  /** A module may also put its functions on the global object; a script may have them in its top-level scope. */
  *#elsewhere(holder: Holder, name: string): Steps<Reference> {
    const invoker =
      holder === undefined ? yield* this.#inScope(name) : functionOf((yield* this.#named(undefined, [name]))[0]!);
    if (invoker !== undefined) return invoker;
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
    const short = source.length <= SHORT;
    const options = short ? { filename: path } : this.#compileOptions(path);
    const script = yield* step({
      later: () =>
        short ? Promise.resolve(isolate.compileScriptSync(source, options)) : isolate.compileScript(source, options),
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

  /** A function that a script declares with `const`, `let` or `class`. */
  *#inScope(name: string): Steps<Reference | undefined> {
    if (!isVariableName(name)) return undefined;
    const code = variableIfFunction(name);
    const options = { filename: this.#sources.main, reference: true } as const;
    let fn: Reference;
    try {
      fn = yield* step({
        later: () => this.#context.eval(code, options),
        now: () => this.#context.evalSync(code, options),
      });
    } catch (error) {
      // A reserved word names nothing.
      if (isSyntaxError(error)) return undefined;
      throw error;
    }
    return functionOf(fn) && functionOf(yield* this.#entry("bind", fn.derefInto(), name));
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

/** Rejects, and throws nothing, where the isolate has ended meanwhile: what was sent before has its own end. */
function askFor(entry: Reference, holder: Holder, names: readonly string[]): Promise<Reference>[] {
  return names.map(async (name) => entry.apply(undefined, [holder?.derefInto(), name], REFERENCE));
}

function askNow(entry: Reference, holder: Holder, names: readonly string[]): Reference[] {
  return names.map((name) => entry.applySync(undefined, [holder?.derefInto(), name], REFERENCE));
}

/** What all of them resolve to, once all have ended, since none may run on after that. Rejects as the first that did. */
async function allOf<Result>(promises: readonly Promise<Result>[]): Promise<Result[]> {
  const ends = await Promise.allSettled(promises);
  return ends.map((end) => {
    if (end.status === "rejected") throw end.reason;
    return end.value;
  });
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

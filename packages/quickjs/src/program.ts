import {
  type Call,
  type CompileContext,
  DEFAULT_BOUNDS,
  type Extension,
  ExtensionError,
  type HostCalls,
  type Instance,
  type Program,
} from "extruntime/engine";
import {
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
} from "./guest-javascript/index.ts";
import type { HeapLimit } from "./heap-limit.ts";
import type { Home, Homes, StartState } from "./home.ts";
import { QuickJSInstance } from "./instance.ts";
import { atPlace, outOfMemory } from "./vm/outcome.ts";
import type { Vm } from "./vm/vm.ts";
import { EVAL, type Handle, type VmOptions } from "./vm/vm-options.ts";

/** A guest that is loaded, and an invoker for each exported function. */
export interface Guest {
  readonly home: Home;
  readonly invokers: ReadonlyMap<string, Handle>;
}

/** What a program's guests live in. */
export interface Housing {
  readonly homes: Homes;
  readonly heap: HeapLimit;
  /** Of QuickJS's own stack. */
  readonly stackBytes: number;
}

/** A line that begins as none of a script does. What looks like one in a comment or a text costs a second reading. */
const LOOKS_LIKE_MODULE = /^\s*(?:import|export)\b/m;

/** The sources of one extension. It costs what they cost until an instance is made. */
export class QuickJSProgram implements Program {
  readonly #extension: Extension;
  readonly #sources: Sources;
  /** What its guests may call of the host's. */
  readonly host: HostCalls | undefined;
  /** Values for its guests, as JSON. */
  readonly #config: string | undefined;
  readonly #housing: Housing;
  readonly #options: VmOptions;
  /** Each call begins from the state after the top level. */
  readonly #fresh: boolean;
  /** That state, once the top level has run, and the invokers in it. */
  #start: { readonly state: StartState; readonly invokers: ReadonlyMap<string, Handle> } | undefined;
  /** Known for `.mjs`, and for `.js` from the first evaluation on. */
  #isModule: boolean | undefined;

  constructor(extension: Extension, sources: Sources, context: CompileContext, housing: Housing) {
    this.#extension = extension;
    this.#sources = sources;
    this.host = context.host;
    this.#config = context.config;
    this.#housing = housing;
    this.#fresh = context.fresh === true;
    this.#isModule = sources.main.endsWith(".mjs") ? true : undefined;
    this.#options = {
      stackBytes: housing.stackBytes,
      hosted: context.host !== undefined,
      bounds: context.bounds ?? DEFAULT_BOUNDS,
      log: (level, message, call) => context.log(level, message, call),
      resolveModule: resolveImport,
      moduleSource: (path) => sources.files.get(path),
    };
  }

  instantiate(call: Call): Instance {
    return new QuickJSInstance(this, this.load(call));
  }

  /** A guest whose top level has run, with the functions of the manifest. */
  load(call: Call): Guest {
    const { homes, heap } = this.#housing;
    if (!this.#fresh) return this.#loadInto(homes.open(this.#options, heap.roomFor), call);
    const home = homes.openFresh!(this.#options, heap.roomFor, this.#start?.state);
    if (this.#start !== undefined) return this.#opened(home, this.#start.invokers);
    const guest = this.#loadInto(home, call);
    this.#start = { state: home.keepStart(), invokers: guest.invokers };
    return guest;
  }

  /** Runs the guest's top level in a home, and finds the functions of the manifest. */
  #loadInto(home: Home, call: Call): Guest {
    const handles: Handle[] = [];
    try {
      const vm = home.enter()!;
      if (home.heapBytes > this.#housing.heap.roomFor(home)) throw outOfMemory();
      const invokers = vm.run(call, () => {
        if (this.#config !== undefined)
          vm.release(vm.evaluate(configSource(this.#config), DISPATCHER_FILE, EVAL.script));
        const holder = this.#evaluate(vm);
        handles.push(holder);
        return this.#bindAll(vm, holder, handles);
      });
      vm.release(holderOf(handles));
      home.leave();
      return this.#opened(home, invokers);
    } catch (error) {
      home.close(handles);
      throw error instanceof ExtensionError ? atPlace(error) : error;
    }
  }

  #opened(home: Home, invokers: ReadonlyMap<string, Handle>): Guest {
    this.#housing.heap.add(home);
    return { home, invokers };
  }

  unload({ home, invokers }: Guest): void {
    this.#housing.heap.delete(home);
    home.close(invokers.values());
  }

  close(): void {}

  /** The guest's top level. Returns what holds its functions: a module's namespace, or the global object. */
  #evaluate(vm: Vm): Handle {
    const { main, files } = this.#sources;
    const source = files.get(main) ?? "";
    if (this.#isModule !== true) {
      const error = this.#evaluateScript(vm, source, main);
      if (error === undefined) return vm.globalObject();
      return this.#evaluateModule(vm, source, main, error);
    }
    return this.#evaluateModule(vm, source, main, undefined);
  }

  /**
   * A `.js` file is a script if it parses as one. Returns why it does not. What parses is parsed once: only a SyntaxError leaves
   * open whether it comes from the parser, in which case nothing has run, or from what ran.
   */
  #evaluateScript(vm: Vm, source: string, main: string): unknown {
    if (this.#isModule === undefined && LOOKS_LIKE_MODULE.test(source)) {
      const error = this.#whyNoScript(vm, source, main);
      if (error !== undefined) return error;
      this.#isModule = false;
    }
    try {
      vm.release(vm.evaluate(source, main, EVAL.script));
    } catch (error) {
      const why =
        this.#isModule === undefined && isSyntaxError(error) ? this.#whyNoScript(vm, source, main) : undefined;
      if (why !== undefined) return why;
      throw error;
    }
    this.#isModule = false;
    vm.drain();
    return undefined;
  }

  #whyNoScript(vm: Vm, source: string, main: string): unknown {
    try {
      vm.release(vm.evaluate(source, main, EVAL.script | EVAL.compileOnly));
      return undefined;
    } catch (error) {
      if (isSyntaxError(error)) return error;
      throw error;
    }
  }

  #evaluateModule(vm: Vm, source: string, main: string, scriptError: unknown): Handle {
    let value: Handle;
    try {
      value = vm.evaluate(source, main, EVAL.module);
    } catch (error) {
      throw neitherScriptNorModule(source, scriptError, error);
    }
    vm.drain();
    const namespace = vm.settled(value);
    if (namespace !== undefined) {
      this.#isModule = true;
      return namespace;
    }
    vm.release(value);
    throw topLevelNeverSettles(main);
  }

  #bindAll(vm: Vm, holder: Handle, handles: Handle[]): Map<string, Handle> {
    const invokers = new Map<string, Handle>();
    for (const name of this.#extension.manifest.exports) {
      const fn = this.#lookUp(vm, holder, name);
      const invoker = fn === undefined ? undefined : vm.bind(fn, name);
      if (invoker === undefined) throw unknownFunction(this.#sources.main, name, vm.functionNames(holder));
      handles.push(invoker);
      invokers.set(name, invoker);
    }
    return invokers;
  }

  #lookUp(vm: Vm, holder: Handle, name: string): Handle | undefined {
    const found = vm.find(holder, name);
    if (found !== undefined) return found;
    if (this.#isModule === true) return this.#findGlobal(vm, name);
    if (!isVariableName(name)) return undefined;
    try {
      return vm.functionOrNone(vm.evaluate(variableIfFunction(name), this.#sources.main, EVAL.script));
    } catch (error) {
      // A reserved word names nothing.
      if (isSyntaxError(error)) return undefined;
      throw error;
    }
  }

  /** A module may also put its functions on the global object. */
  #findGlobal(vm: Vm, name: string): Handle | undefined {
    const globals = vm.globalObject();
    const found = vm.find(globals, name);
    vm.release(globals);
    return found;
  }
}

/** The first handle of a load is what holds the functions; the invokers follow. */
function holderOf(handles: readonly Handle[]): Handle {
  return handles[0]!;
}

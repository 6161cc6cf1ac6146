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
import { QuickJSInstance } from "./instance.ts";
import type { LinearMemory } from "./linear-memory.ts";
import { atPlace, brokenMachine, outOfMemory } from "./outcome.ts";
import { Vm } from "./vm.ts";
import { EVAL, type Handle, type VmOptions } from "./vm-options.ts";

/** Where programs get linear memories from. */
export interface MemorySource {
  /** A live memory in which no guest runs at present, the same one as long as it can be. */
  take(): LinearMemory;
  /** Lets go of a memory that has no users any more. */
  drop(memory: LinearMemory): void;
}

/** A VM with the guest loaded, and an invoker for each exported function. */
export interface Guest {
  readonly vm: Vm;
  readonly invokers: ReadonlyMap<string, Handle>;
}

/** The sources of one extension. It costs what they cost until an instance is made. */
export class QuickJSProgram implements Program {
  readonly #extension: Extension;
  readonly #sources: Sources;
  /** What its guests may call of the host's. */
  readonly host: HostCalls | undefined;
  /** Values for its guests, as JSON. */
  readonly #config: string | undefined;
  readonly #memories: MemorySource;
  readonly #options: VmOptions;
  /** Known for `.mjs`, and for `.js` from the first evaluation on. */
  #isModule: boolean | undefined;

  constructor(
    extension: Extension,
    sources: Sources,
    context: CompileContext,
    memories: MemorySource,
    stackBytes: number,
  ) {
    this.#extension = extension;
    this.#sources = sources;
    this.host = context.host;
    this.#config = context.config;
    this.#memories = memories;
    this.#isModule = sources.main.endsWith(".mjs") ? true : undefined;
    this.#options = {
      stackBytes,
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

  /** Makes a VM, runs the guest's top level in it, and finds the functions of the manifest. */
  load(call: Call): Guest {
    const vm = this.#newVm();
    const handles: Handle[] = [];
    try {
      const invokers = vm.run(call, () => {
        vm.prepare();
        if (this.#config !== undefined)
          vm.release(vm.evaluate(configSource(this.#config), DISPATCHER_FILE, EVAL.script));
        const holder = this.#evaluate(vm);
        handles.push(holder);
        return this.#bindAll(vm, holder, handles);
      });
      vm.release(holderOf(handles));
      return { vm, invokers };
    } catch (error) {
      this.unload({ vm, invokers: new Map(handles.map((handle, index) => [String(index), handle])) });
      throw error instanceof ExtensionError ? atPlace(error) : error;
    }
  }

  #newVm(): Vm {
    const memory = this.#memories.take();
    try {
      return new Vm(memory, this.#options);
    } catch (error) {
      memory.dead = true;
      throw memory.exhausted ? outOfMemory(error) : brokenMachine(error);
    }
  }

  unload({ vm, invokers }: Guest): void {
    vm.releaseAll(invokers.values());
    vm.free();
    if (vm.memory.users === 0 || vm.memory.dead) this.#memories.drop(vm.memory);
  }

  close(): void {}

  /** The guest's top level. Returns what holds its functions: a module's namespace, or the global object. */
  #evaluate(vm: Vm): Handle {
    const { main, files } = this.#sources;
    const source = files.get(main) ?? "";
    let scriptError: unknown;
    if (this.#isModule === undefined) {
      scriptError = this.#whyNoScript(vm, source, main);
      if (scriptError === undefined) this.#isModule = false;
    }
    if (this.#isModule === false) {
      vm.release(vm.evaluate(source, main, EVAL.script));
      vm.drain();
      return vm.globalObject();
    }
    const namespace = this.#evaluateModule(vm, source, main, scriptError);
    this.#isModule = true;
    return namespace;
  }

  /** A `.js` file is a script if it parses as one. */
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
    if (namespace !== undefined) return namespace;
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

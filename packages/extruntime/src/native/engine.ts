import {
  type Call,
  type CompileContext,
  ENGINE_VERSION,
  type Engine,
  type Instance,
  type Program,
  UNLIMITED,
} from "../contract/engine.ts";
import { type HostCalls, notGranted, readHostAnswer } from "../contract/host-functions.ts";
import { ExtensionError } from "../errors.ts";
import { isRefusedBuffer } from "../kit/refused-buffer.ts";
import type { Config } from "../manifest/config.ts";
import type { Extension } from "../manifest/extension.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { deepFreeze } from "../manifest/shape.ts";
import {
  type ContextFor,
  type NativeContext,
  type NativeFunction,
  type NativeHost,
  NativeInstance,
  thrown,
} from "./instance.ts";
import { type ModuleFile, placeModule } from "./module-file.ts";

export interface NativeEngineOptions {
  /** Functions registered in code, by extension name, for manifests without a `module`. */
  functions?: Readonly<Record<string, Readonly<Record<string, NativeFunction>>>> | undefined;
}

/** Instances of all native programs so far: each imports its module under an address of its own, so that Node makes a copy. */
let copies = 0;

/** Trusted JavaScript in the host's own realm, as ES modules or registered functions. */
export function nativeEngine(options: NativeEngineOptions): Engine {
  return {
    engineVersion: ENGINE_VERSION,
    name: "native",
    aliases: [],
    capabilities: {
      languages: ["javascript"],
      hardSandbox: false,
      nativeAddon: false,
      deadline: false,
      signal: false,
      crashIsolation: false,
      memoryLimit: false,
      parallel: false,
      sync: true,
      hostFunctions: true,
      freshCalls: false,
    },
    manifestSection: { name: "native", schema: {} },
    isOutOfMemory: isRefusedBuffer,
    keepsState: true,
    takesConfig: true,
    bundle: { target: "node20", node: true },
    pool: { size: 8 },
    origin: {
      module: import.meta.url,
      export: nativeEngine.name,
      options: {},
      refusal:
        options.functions === undefined
          ? undefined
          : "functions registered in code cannot be sent to it; put them into the module of an extension, or give them to another runtime, placed inline",
    },
    async compile(extension, context) {
      const { manifest } = extension;
      if (manifest.module !== undefined) return new ModuleProgram(extension, context, await placeModule(extension));
      const functions = Object.hasOwn(options.functions ?? {}, manifest.name)
        ? options.functions?.[manifest.name]
        : undefined;
      if (functions !== undefined) return new RegisteredProgram(extension, context, functions);
      throw new ExtensionError(
        "ERR_EXT_BAD_MANIFEST",
        `${extension.location}: has no "module", and no functions are registered for ${manifest.name}`,
      );
    },
  };
}

/** Functions that the host registered. They are the host's own objects, so their state is shared by all instances. */
class RegisteredProgram implements Program {
  readonly #functions: Map<string, NativeFunction>;
  readonly #context: ContextFor;

  constructor(extension: Extension, context: CompileContext, functions: Readonly<Record<string, NativeFunction>>) {
    this.#functions = pickFunctions(extension.manifest, "the registered functions", functions);
    this.#context = nativeContext(extension, context);
  }

  instantiate(): Instance {
    return new NativeInstance(this.#functions, this.#context, () => {});
  }

  close(): void {}
}

/**
 * An ES module. Node keeps a module that it has imported for good, so a copy that the pool releases is kept too, and
 * used again for the next instance: a program has at most as many copies as its pool.
 */
class ModuleProgram implements Program {
  /** And no more of the extension, which may hold its module's bytes. */
  readonly #manifest: Manifest;
  readonly #context: ContextFor;
  readonly #file: ModuleFile;
  readonly #free: Map<string, NativeFunction>[] = [];

  constructor(extension: Extension, context: CompileContext, file: ModuleFile) {
    this.#manifest = extension.manifest;
    this.#context = nativeContext(extension, context);
    this.#file = file;
  }

  instantiate(): Instance | Promise<Instance> {
    const free = this.#free.pop();
    return free === undefined ? this.#import() : this.#instance(free);
  }

  async #import(): Promise<Instance> {
    const url = await this.#file.url();
    let namespace: Record<string, unknown>;
    try {
      namespace = await import(`${url}?extruntime=${++copies}`);
    } catch (error) {
      throw thrown(error);
    }
    return this.#instance(pickFunctions(this.#manifest, this.#manifest.module ?? "", namespace));
  }

  #instance(functions: Map<string, NativeFunction>): Instance {
    return new NativeInstance(functions, this.#context, () => this.#free.push(functions));
  }

  close(): Promise<void> {
    return this.#file.remove();
  }
}

/** Where there are no host functions to call, it is one for all calls. */
function nativeContext(extension: Extension, { host, log, config = "{}" }: CompileContext): ContextFor {
  const own = { extension: extension.manifest.name, config: deepFreeze(JSON.parse(config) as Config) };
  if (host !== undefined)
    return (call) =>
      Object.freeze<NativeContext>({
        ...own,
        log: (level, message) => log(level, message, call),
        host: nativeHost(host, call),
      });
  const context = Object.freeze<NativeContext>({
    ...own,
    log: (level, message) => log(level, message),
    host: nativeHost(undefined, UNLIMITED),
  });
  return () => context;
}

function nativeHost(host: HostCalls | undefined, asking: Call): NativeHost {
  return Object.freeze({
    async call<Result>(name: string, value?: unknown) {
      const payload = value === undefined ? "null" : JSON.stringify(value);
      if (payload === undefined) throw new TypeError(`a ${typeof value} has no JSON form, which ${name} takes`);
      const answer = host?.call(name, payload, asking) ?? notGranted(name, []);
      return readHostAnswer(await answer) as Result;
    },
  });
}

function pickFunctions(
  manifest: Manifest,
  where: string,
  source: Readonly<Record<string, unknown>>,
): Map<string, NativeFunction> {
  const functions = new Map<string, NativeFunction>();
  for (const name of manifest.exports) {
    const value = Object.hasOwn(source, name) ? source[name] : undefined;
    if (typeof value !== "function") {
      const found = Object.keys(source).filter((key) => typeof source[key] === "function");
      throw new ExtensionError(
        "ERR_EXT_UNKNOWN_FUNCTION",
        `its manifest exports ${name}, and ${where} has no such function; it has ${found.join(", ") || "none"}`,
        { function: name },
      );
    }
    functions.set(name, value as NativeFunction);
  }
  return functions;
}

import { prepare } from "../bundle/index.ts";
import { grant } from "../call/granted-functions.ts";
import type { LimitedCall } from "../call/limits.ts";
import { LoadedModule } from "../call/module.ts";
import { ModuleSchemas } from "../call/module-schemas.ts";
import type { Keeper } from "../contract/applied-limits.ts";
import { checkLimits } from "../contract/bounds.ts";
import { ENGINE_VERSION, type Engine, type Program } from "../contract/engine.ts";
import {
  isTraced,
  type LoadMessage,
  loadChannel,
  type ReplacementMessage,
  replacementChannel,
} from "../contract/events.ts";
import { InstanceBudget } from "../contract/instance-budget.ts";
import {
  type Capabilities,
  type CloseOptions,
  CONTRACT_VERSION,
  type LoadOptions,
  type Logger,
  type Module,
  type Runtime,
} from "../contract/runtime.ts";
import { ExtensionError, locate } from "../errors.ts";
import { GuestLog } from "../kit/guest-log.ts";
import { loggerSink } from "../kit/logger.ts";
import { checkConfig, configText } from "../manifest/config.ts";
import { PLACEMENTS } from "../manifest/definition.ts";
import { type Extension, type ExtensionSource, openExtension } from "../manifest/extension.ts";
import { checkSettings, type Limits, type Manifest, type Placement } from "../manifest/manifest.ts";
import { mostIsolated } from "../manifest/placement-order.ts";
import { noteSection, sectionFor } from "../manifest/section.ts";
import { checkPlacementOptions, type PlacementOptions } from "../placement/options.ts";
import { place } from "../placement/place.ts";
import { type ModuleLimits, moduleLimits } from "./module-limits.ts";
import { defaultPoolSize } from "./pool-size.ts";

/** Options that every engine's factory takes. */
export interface RuntimeOptions extends PlacementOptions {
  /**
   * Where instances live at the nearest; a manifest or the host's policy can ask for a farther place. `inline`, the
   * default, is on the thread that calls.
   */
  placement?: Placement | undefined;
  /** For extensions whose manifest leaves a limit out. */
  limits?: Limits | undefined;
  /** For modules that are loaded without a logger of their own. */
  logger?: Logger | undefined;
  /** Bound on live instances, for modules that are loaded without one; by default the runtime has one of its own. */
  budget?: InstanceBudget | undefined;
}

const MIB = 1_048_576;

/**
 * Makes an engine safe to use.
 *
 * @throws TypeError for an engine of another version, an environment variable that is no pool size, or limits that are none;
 * ExtensionError `ERR_EXT_UNSUPPORTED` for a placement that the engine cannot run at.
 */
export function createRuntime(engine: Engine, options: RuntimeOptions = {}): Runtime {
  if (engine?.engineVersion !== ENGINE_VERSION)
    throw new TypeError(
      `this extruntime takes engines of version ${ENGINE_VERSION}, and this one has ${engine?.engineVersion}`,
    );
  checkPlacementOptions(options);
  checkLimits(options.limits);
  noteSection(engine);
  return new EngineRuntime(engine, options, defaultPoolSize(engine.pool));
}

class EngineRuntime implements Runtime {
  readonly contractVersion = CONTRACT_VERSION;
  readonly name: string;
  readonly aliases: readonly string[];
  readonly capabilities: Capabilities;
  readonly unavailable: string | undefined;
  readonly placement: Placement;
  readonly #engine: Engine;
  /** The engine at each placement that was wanted so far. */
  readonly #placed = new Map<Placement, Engine>();
  readonly #options: RuntimeOptions;
  readonly #poolSize: number;
  readonly #budget: InstanceBudget;
  readonly #modules = new Set<LoadedModule>();
  /** Loads under way: `close` waits for them. */
  readonly #loading = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(engine: Engine, options: RuntimeOptions, poolSize: number) {
    this.name = engine.name;
    this.aliases = Object.freeze([...engine.aliases]);
    this.placement = checkPlacement(options.placement ?? "inline");
    this.unavailable = engine.unavailable;
    this.#engine = engine;
    this.#options = options;
    this.capabilities = this.capabilitiesAt(this.placement);
    this.#poolSize = poolSize;
    this.#budget = options.budget ?? new InstanceBudget();
  }

  load(source: ExtensionSource | Extension, options: LoadOptions = {}): Promise<Module> {
    if (this.#closing !== undefined) return Promise.reject(this.#closedError());
    const message: LoadMessage = { runtime: this.name, extension: undefined, version: undefined, placement: undefined };
    const loading = isTraced(loadChannel)
      ? loadChannel.tracePromise(() => this.#load(source, options, message), message)
      : this.#load(source, options, message);
    this.#loading.add(loading);
    const done = () => this.#loading.delete(loading);
    loading.then(done, done);
    return loading;
  }

  capabilitiesAt(placement: Placement): Capabilities {
    return Object.freeze({ ...this.#at(checkPlacement(placement)).capabilities });
  }

  close(options: CloseOptions = {}): Promise<void> {
    // Asking for an abort later must reach the modules that a first, patient close is still waiting for.
    const closings = [...this.#modules].map((module) => module.close(options));
    this.#closing ??= this.#close(options);
    return options.abort === true ? this.#abort(closings) : this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #load(source: ExtensionSource | Extension, options: LoadOptions, message: LoadMessage): Promise<Module> {
    checkLimits(options.limits);
    checkConfig(options.config);
    const extension = await openExtension(source);
    const { manifest } = extension;
    message.extension = manifest.name;
    message.version = manifest.version;
    try {
      this.#checkFit(manifest);
      checkSettings(manifest, sectionFor(this.#engine), extension.location);
      if (this.unavailable !== undefined) throw new ExtensionError("ERR_EXT_UNSUPPORTED", this.unavailable);
      const placement = mostIsolated(this.placement, manifest.placement, options.placement);
      message.placement = placement;
      const module = await this.#start(placement, extension, options);
      if (options.lazy !== true) await this.#warm(module);
      return module;
    } catch (error) {
      if (ExtensionError.is(error)) throw locate(error, manifest.name);
      throw locate(this.#engineFailed(error), manifest.name);
    }
  }

  async #start(placement: Placement, extension: Extension, options: LoadOptions): Promise<LoadedModule> {
    const { manifest } = extension;
    const engine = this.#at(placement);
    const { limits, bounds, sources } = this.#limits(placement, manifest, options);
    const memoryBytes = limits.memoryMb === undefined ? undefined : limits.memoryMb * MIB;
    const fields = { extension: manifest.name, version: manifest.version, runtime: this.name };
    let loaded: LoadedModule | undefined;
    const logger = options.logger ?? this.#options.logger;
    const fieldsOf = (call: LimitedCall | undefined) => ({ ...fields, ...loaded?.callOfLine(call) });
    const output = new GuestLog(loggerSink(logger, fieldsOf), bounds);
    const log = output.write;
    const isReplaced = options.fresh === true && limits.fresh === undefined;
    if (isReplaced && this.#engine.keepsState === true) throw this.#notFresh();
    const config = configText(manifest, options.config);
    if (config !== undefined && this.#engine.takesConfig !== true) throw this.#noConfig();
    const schemas = await ModuleSchemas.of(extension);
    const host = grant(manifest, options.hostFunctions, bounds);
    if (host !== undefined && !engine.capabilities.hostFunctions) throw this.#noHostFunctions(host.names);
    const { extension: prepared, map } = await prepare(extension, engine.bundle);
    const program: Program = await engine.compile(prepared, {
      memoryBytes,
      maxInstances: limits.maxInstances,
      bounds,
      host,
      log: map === undefined ? log : (level, message, call) => log(level, map.ofText(message), call),
      deadlines: (sources.timeoutMs ?? sources.loadTimeoutMs) !== undefined,
      fresh: limits.fresh !== undefined,
      lazy: options.lazy,
      config,
    });
    const module: LoadedModule = new LoadedModule({
      manifest,
      runtime: this.name,
      placement,
      capabilities: this.capabilitiesAt(placement),
      program,
      bounds,
      limits,
      limitSources: sources,
      output,
      schemas,
      named: logger !== undefined && engine.tellsCalls === true,
      map,
      host,
      pool: {
        size: limits.maxInstances,
        fresh: isReplaced,
        queue: limits.maxQueue,
        budget: options.budget ?? this.#budget,
        loadTimeoutMs: limits.loadTimeoutMs,
        onReplaced: () => {
          if (replacementChannel.hasSubscribers && loaded !== undefined)
            replacementChannel.publish({ ...loaded.message, of: "instance" } satisfies ReplacementMessage);
        },
        onCloseError: (error) => log("error", `an instance failed to close: ${String(error)}`),
      },
      onClosed: () => this.#modules.delete(module),
    });
    loaded = module;
    this.#modules.add(module);
    return module;
  }

  async #warm(module: LoadedModule): Promise<void> {
    try {
      await module.warm();
    } catch (error) {
      await module.close();
      throw error;
    }
  }

  #checkFit(manifest: Manifest): void {
    if (manifest.runtime !== this.name && !this.aliases.includes(manifest.runtime))
      throw new ExtensionError(
        "ERR_EXT_UNKNOWN_RUNTIME",
        `its manifest names the runtime ${JSON.stringify(manifest.runtime)}, and this one is ${this.name}`,
      );
  }

  #limits(placement: Placement, manifest: Manifest, options: LoadOptions): ModuleLimits {
    const layers = { runtime: this.#options.limits, manifest: manifest.limits, load: options };
    return moduleLimits(layers, {
      runtime: this.name,
      placement,
      capabilities: this.#at(placement).capabilities,
      poolSize: this.#poolSize,
      nearest: (capability) => PLACEMENTS.find((each) => this.#promises(capability, each)),
    });
  }

  #promises(capability: Keeper, placement: Placement): boolean {
    try {
      return Boolean(this.#at(placement).capabilities[capability]);
    } catch {
      return false;
    }
  }

  /** Does not wait for loads under way, but for threads and processes: nothing of them is left when it is done. */
  async #abort(closings: readonly Promise<void>[]): Promise<void> {
    await Promise.all(closings);
    const workers = [...this.#placed].filter(([placement]) => placement !== "inline");
    await Promise.all(workers.map(([, engine]) => engine.close?.()));
  }

  async #close(options: CloseOptions): Promise<void> {
    await Promise.allSettled(this.#loading);
    await Promise.all([...this.#modules].map((module) => module.close(options)));
    await Promise.all([...this.#placed.values()].map((engine) => engine.close?.()));
    if (!this.#placed.has("inline")) await this.#engine.close?.();
  }

  /** The engine at a placement, made when it is first wanted. */
  #at(placement: Placement): Engine {
    let engine = this.#placed.get(placement);
    if (engine === undefined) {
      engine = placement === "inline" ? this.#engine : place(this.#engine, placement, this.#options);
      this.#placed.set(placement, engine);
    }
    return engine;
  }

  #notFresh(): ExtensionError {
    return new ExtensionError(
      "ERR_EXT_UNSUPPORTED",
      `the ${this.name} runtime cannot give each call an instance without the state of others (load's fresh, or a run without share): share the instances, or use an engine that makes them anew`,
    );
  }

  #noConfig(): ExtensionError {
    return new ExtensionError(
      "ERR_EXT_UNSUPPORTED",
      `the ${this.name} runtime has no way to give "config" to its guests: leave it out, and let them ask for it by a host function`,
    );
  }

  #noHostFunctions(names: readonly string[]): ExtensionError {
    return new ExtensionError(
      "ERR_EXT_UNSUPPORTED",
      `its manifest asks for ${names.join(", ")}, and guests of the ${this.name} runtime cannot call host functions (its hostFunctions is false)`,
    );
  }

  #closedError(): ExtensionError {
    return new ExtensionError("ERR_EXT_CLOSED", `the ${this.name} runtime is closed`);
  }

  #engineFailed(error: unknown): ExtensionError {
    return new ExtensionError("ERR_EXT_CRASHED", `the ${this.name} engine failed to load it: ${String(error)}`, {
      cause: error,
    });
  }
}

function checkPlacement(placement: Placement): Placement {
  if (PLACEMENTS.includes(placement)) return placement;
  throw new TypeError(`placement must be one of ${PLACEMENTS.join(", ")}, and is ${JSON.stringify(placement)}`);
}

import { type ReplacementMessage, replacementChannel } from "../contract/events.ts";
import type { HostFunctions } from "../contract/host-functions.ts";
import { InstanceBudget, type InstanceBudgetOptions } from "../contract/instance-budget.ts";
import type { CloseOptions, InvokeOptions, LoadOptions, Logger, Module, Runtime } from "../contract/runtime.ts";
import type { HostStats } from "../contract/statistics.ts";
import { ExtensionError, locate } from "../errors.ts";
import { loggerSink } from "../kit/logger.ts";
import { type Config, checkConfig } from "../manifest/config.ts";
import { MAX_TIMEOUT_MS } from "../manifest/definition.ts";
import { type Extension, type ExtensionSource, openExtension } from "../manifest/extension.ts";
import type { UnavailableEngine } from "./discover.ts";
import { type FolderLoad, folderPath, foldersOf, type LoadReport, reportOf } from "./folder-loads.ts";
import { HostRuntimes } from "./host-runtimes.ts";
import { HostStatistics } from "./host-statistics.ts";
import { applyPolicy, asRefusal, type Policy } from "./policy.ts";
import { checkPolicy } from "./policy-check.ts";
import { checkRequest, type RunRequest, SourceRuns } from "./source-runs.ts";
import { FolderWatch, type WatchOptions } from "./watch.ts";

/** What a host is made of. */
export interface ExtensionHostOptions extends InstanceBudgetOptions {
  /** The engines. `discoverRuntimes()` finds the installed ones, and its answer can be given as these options. */
  runtimes: Iterable<Runtime>;
  /** Engines that are not there, for better messages. */
  unavailable?: readonly UnavailableEngine[] | undefined;
  /** What may load. Without it everything may. */
  policy?: Policy | undefined;
  /** What guests may call, by the names that a manifest's `permissions` say. An extension that asks for another one is refused. */
  hostFunctions?: HostFunctions | undefined;
  /** Values for the guests of extensions, by the names of these: as `config` of a load. */
  config?: Readonly<Record<string, Config>> | undefined;
  /** Where the output of guests goes. Without it, it is dropped. */
  logger?: Logger | undefined;
}

/** How a host loads. */
export interface HostLoadOptions {
  /** Takes the place of a loaded extension of its name, without a call lost. */
  replace?: boolean | undefined;
  /** Values for its guests, each in place of the one that the host's own `config` for this extension, or its manifest's, has by that name. */
  config?: Config | undefined;
}

/** How a host closes. */
export interface HostCloseOptions extends CloseOptions {
  /** Milliseconds to wait for the calls that were accepted, before those that are left are aborted. */
  timeoutMs?: number | undefined;
}

/** A folder that is watched, and what became of its extensions when the watch began. */
export interface Watch extends AsyncDisposable {
  /** What became of each folder when the watch began, as of `loadDir`. */
  readonly report: LoadReport;
  /** Ends the watch. The extensions stay loaded. May be called twice. */
  close(): Promise<void>;
}

/** Holds extensions of any engine by name. All of them share one bound on live instances. */
export class ExtensionHost implements AsyncDisposable {
  readonly #runtimes: HostRuntimes;
  readonly #policy: Policy | undefined;
  readonly #logger: Logger | undefined;
  readonly #hostFunctions: HostFunctions | undefined;
  readonly #config: Readonly<Record<string, Config>>;
  readonly #budget: InstanceBudget;
  readonly #modules = new Map<string, Module>();
  /** Names whose load is under way, so that two loads of one name do not both win. */
  readonly #loading = new Map<string, Promise<unknown>>();
  /** Modules that others have taken the place of, until they have closed. */
  readonly #retiring = new Set<Module>();
  readonly #runs = new SourceRuns((files, runtime, options) => this.#loadInto(files, runtime, options));
  readonly #watches = new Set<FolderWatch>();
  readonly #statistics = new HostStatistics();
  #warned = false;
  #closing: Promise<void> | undefined;

  /** @throws TypeError for a runtime of another contract version, two runtimes of one name, or a policy or a config that is not as it must be. */
  constructor(options: ExtensionHostOptions) {
    this.#runtimes = new HostRuntimes(options.runtimes, options.unavailable ?? []);
    checkPolicy(options.policy);
    this.#policy = options.policy;
    this.#logger = options.logger;
    this.#hostFunctions = options.hostFunctions;
    this.#config = options.config ?? {};
    for (const config of Object.values(this.#config)) checkConfig(config);
    this.#budget = new InstanceBudget(options);
  }

  /** Names of the loaded extensions, in the order of loading. */
  get names(): string[] {
    return [...this.#modules].filter(([, module]) => !module.closed).map(([name]) => name);
  }

  /**
   * Loads one extension from a folder or from memory.
   *
   * @throws ExtensionError as `Runtime.load`; `ERR_EXT_DENIED` where the policy refuses it; `ERR_EXT_DUPLICATE`, without `replace`, where an extension of its
   * name is loaded already (the first is kept); `ERR_EXT_UNKNOWN_RUNTIME` where its engine is not there.
   */
  async load(source: ExtensionSource | Extension, { replace = false, config }: HostLoadOptions = {}): Promise<Module> {
    this.#checkOpen();
    const extension = await openExtension(source);
    this.#checkOpen();
    const { name } = extension.manifest;
    // Of several that replace one another each waits for the one before it, so that the last one stays.
    if (replace) while (this.#loading.has(name)) await this.#loading.get(name)?.catch(() => {});
    if (replace) this.#checkOpen();
    if (!replace && (this.#loading.has(name) || this.get(name) !== undefined))
      throw locate(
        new ExtensionError(
          "ERR_EXT_DUPLICATE",
          `an extension of this name is loaded already, and the first is kept; rename this one, replace the other, or close it first (${extension.location})`,
        ),
        name,
      );
    const loading = this.#load(extension, config);
    this.#loading.set(name, loading);
    try {
      return await loading;
    } finally {
      this.#loading.delete(name);
    }
  }

  /**
   * Loads an extension in place of the one of its name, without a call lost: until it has loaded, calls go to the old one; from then on to this one, while
   * those that the old one accepted end there, and it closes after them. One that does not load changes nothing. Where none of its name is loaded it is `load`.
   *
   * @throws ExtensionError as `load`.
   */
  replace(source: ExtensionSource | Extension, options: Omit<HostLoadOptions, "replace"> = {}): Promise<Module> {
    return this.load(source, { ...options, replace: true });
  }

  /**
   * Loads every folder in `dir` that has a manifest, in name order. A bad one is reported and does not stop the rest.
   *
   * @throws ExtensionError `ERR_EXT_NOT_FOUND` where `dir` itself cannot be read; `ERR_EXT_CLOSED`; TypeError for what is no path.
   */
  async loadDir(dir: string | URL): Promise<LoadReport> {
    this.#checkOpen();
    const loads = await this.#loadFolders(folderPath(dir));
    return reportOf(loads);
  }

  /**
   * `loadDir`, and from then on the extensions are as the folders in `dir`: one that comes is loaded, one that changes in any of its files is replaced, and
   * one that goes is closed. `host.close()` ends it too.
   *
   * @throws ExtensionError as `loadDir`.
   */
  async watch(dir: string | URL, options: WatchOptions = {}): Promise<Watch> {
    this.#checkOpen();
    const path = folderPath(dir);
    // Before a watcher looks for it: one that is not there yet would be waited for.
    await foldersOf(path);
    const watch = new FolderWatch(path, this, options);
    this.#watches.add(watch);
    try {
      // Watched first, so that no change is missed between the two.
      await watch.start();
      const loads = await this.#loadFolders(path);
      for (const load of loads) if ("module" in load) watch.note(load.dir, load.module.name);
      watch.follow();
      return Object.assign(watch, { report: reportOf(loads) });
    } catch (error) {
      await watch.close();
      throw error;
    }
  }

  /** The loaded extension of that name; `undefined` when there is none, or it was closed. */
  get(name: string): Module | undefined {
    const module = this.#modules.get(name);
    return module?.closed === true ? undefined : module;
  }

  /** `Module.invoke` of the extension `name`. Rejects with `ERR_EXT_NOT_FOUND` where no such extension is loaded. */
  async invoke(name: string, fn: string, payload: string, options?: InvokeOptions): Promise<string> {
    return this.#get(name, fn).invoke(fn, payload, options);
  }

  /** `Module.call` of the extension `name`. Rejects as `invoke`. */
  async call<Result = unknown>(name: string, fn: string, value?: unknown, options?: InvokeOptions): Promise<Result> {
    return this.#get(name, fn).call<Result>(fn, value, options);
  }

  /** The sums of all its extensions, those included that were closed or replaced. */
  stats(): HostStats {
    return this.#statistics.sum([...this.#modules.values(), ...this.#retiring]);
  }

  /**
   * Runs source text, compiled once for each content: the hundred that were run lately are kept ready. Each run has an instance without the state of others, unless `share` says otherwise.
   * Its host functions are those of the request alone; the host's policy holds for it as for an extension.
   *
   * @throws ExtensionError (as a rejection) as `load` and `call`; `ERR_EXT_UNSUPPORTED` where the engine cannot make instances anew and `share` is not `true`.
   */
  run<Result = unknown>(request: RunRequest, value?: unknown): Promise<Result> {
    try {
      this.#checkOpen();
      checkRequest(request);
      return this.#runs.run<Result>(request, this.#runtimes.get(request.runtime, "the request"), value);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Closes every module that it loaded. The runtimes stay open: they are the caller's. May be called twice.
   *
   * With `timeoutMs` it waits that long for the calls that were accepted, and then aborts those that are left. Rejects with a TypeError, and closes nothing, where
   * that is no time.
   */
  close(options: HostCloseOptions = {}): Promise<void> {
    const { timeoutMs } = options;
    if (timeoutMs !== undefined) {
      if (!(typeof timeoutMs === "number" && timeoutMs >= 0 && timeoutMs <= MAX_TIMEOUT_MS))
        return Promise.reject(
          new TypeError(`timeoutMs must be a number from 0 to ${MAX_TIMEOUT_MS}, and is ${timeoutMs}`),
        );
      return this.#drain(timeoutMs);
    }
    const closings = [...this.#modules.values(), ...this.#retiring].map((module) => module.close(options));
    closings.push(this.#runs.close(options));
    this.#closing ??= this.#close(options);
    return options.abort === true ? Promise.all(closings).then(() => {}) : this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(options: CloseOptions): Promise<void> {
    const watches = [...this.#watches].map((watch) => watch.close());
    await Promise.allSettled([...this.#loading.values(), ...watches]);
    await Promise.all([...this.#modules.values(), ...this.#retiring].map((module) => module.close(options)));
    await this.#runs.close(options);
  }

  async #drain(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([this.close(), late]).finally(() => clearTimeout(timer));
    await this.close({ abort: true });
  }

  /** Loads each folder in `dir` that has a manifest, in name order. */
  async #loadFolders(dir: string): Promise<FolderLoad[]> {
    const loads: FolderLoad[] = [];
    for (const folder of await foldersOf(dir)) {
      try {
        loads.push({ dir: folder, module: await this.load(folder) });
      } catch (error) {
        if (!ExtensionError.is(error, "ERR_EXT_NO_MANIFEST")) loads.push({ dir: folder, error: asRefusal(error) });
      }
    }
    return loads;
  }

  /** The accepted calls of a module that another one has taken the place of end on it. */
  #retire(module: Module): void {
    this.#retiring.add(module);
    const closed = () => {
      if (this.#retiring.delete(module)) this.#statistics.gone(module);
    };
    module.close().then(closed, closed);
  }

  async #load(extension: Extension, config: Config | undefined): Promise<Module> {
    const { manifest } = extension;
    try {
      const runtime = this.#runtimes.get(manifest.runtime);
      const module = await this.#loadInto(extension, runtime, {
        hostFunctions: this.#hostFunctions,
        config: this.#configOf(manifest.name, config),
      });
      const before = this.#modules.get(manifest.name);
      this.#modules.set(manifest.name, module);
      if (before !== undefined && !before.closed) tellReplacement(module, before);
      if (before !== undefined) this.#retire(before);
      if (extension.dir !== undefined) this.#warn(module, runtime);
      return module;
    } catch (error) {
      throw ExtensionError.is(error) ? locate(error, manifest.name) : error;
    }
  }

  #configOf(name: string, ofLoad: Config | undefined): Config | undefined {
    const own = Object.hasOwn(this.#config, name) ? this.#config[name] : undefined;
    return own === undefined || ofLoad === undefined ? (ofLoad ?? own) : { ...own, ...ofLoad };
  }

  /** Within the policy, for an extension or a source that is run. */
  async #loadInto(source: ExtensionSource | Extension, runtime: Runtime, options: LoadOptions): Promise<Module> {
    const extension = await openExtension(source);
    const admission =
      this.#policy === undefined ? undefined : await applyPolicy(this.#policy, extension.manifest, runtime);
    return runtime
      .load(extension, { logger: this.#logger, budget: this.#budget, ...options, ...admission })
      .catch((error: unknown) => {
        throw ExtensionError.is(error) ? error : runtimeFailed(runtime, error);
      });
  }

  /** A host without a policy lets in whatever it finds in its folders: said once, where that is much. */
  #warn(module: Module, runtime: Runtime): void {
    if (this.#policy !== undefined || this.#warned) return;
    const { hardSandbox, deadline } = runtime.capabilitiesAt(module.placement);
    const can = [
      ...(hardSandbox ? [] : ["reach files, network and environment as this program does"]),
      ...(module.placement === "inline" ? ["hold this program's thread for as long as it likes"] : []),
      ...(deadline === false ? ["never end"] : []),
    ];
    if (can.length === 0) return;
    this.#warned = true;
    const { name, version } = module;
    loggerSink(this.#logger, () => ({ extension: name, version, runtime: runtime.name }))(
      "warn",
      `this host has no policy, so an extension can ${can.join(", and ")}. For code of strangers give it policy: strangers(), for your own policy: trusted()`,
    );
  }

  #get(name: string, fn: string): Module {
    this.#checkOpen();
    const module = this.get(name);
    if (module !== undefined) return module;
    throw new ExtensionError(
      "ERR_EXT_NOT_FOUND",
      `no extension named ${JSON.stringify(name)} is loaded; loaded are: ${this.names.join(", ") || "none"}`,
      { function: fn },
    );
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new ExtensionError("ERR_EXT_CLOSED", "the host is closed");
  }
}

function tellReplacement({ name, version, runtime, placement }: Module, before: Module): void {
  if (!replacementChannel.hasSubscribers) return;
  const of = "extension";
  replacementChannel.publish({
    ...{ extension: name, version, runtime, placement },
    ...{ of, before: before.version },
  } satisfies ReplacementMessage);
}

/** Of a runtime that was not made by `createRuntime`: any other throws nothing else. */
function runtimeFailed({ name }: Runtime, cause: unknown): ExtensionError {
  return new ExtensionError("ERR_EXT_CRASHED", `the ${name} runtime failed to load it: ${String(cause)}`, { cause });
}

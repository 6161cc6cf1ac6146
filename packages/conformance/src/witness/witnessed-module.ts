import assert from "node:assert/strict";
import type {
  AppliedLimits,
  Capabilities,
  CloseOptions,
  ExportedFunction,
  Extension,
  ExtensionSource,
  HostFunctions,
  InvokeOptions,
  InvokeSyncOptions,
  LoadOptions,
  Logger,
  Manifest,
  Module,
  ModuleStats,
  Placement,
  Runtime,
} from "extruntime";
import { ExtensionError } from "extruntime";
import { show } from "../expect/expect.ts";
import type { Witness, Witnessed } from "./witness.ts";

/** Codes of calls that were never counted, or of which one cannot say from outside. */
const UNCOUNTED: readonly string[] = [
  "ERR_EXT_CLOSED",
  "ERR_EXT_UNKNOWN_FUNCTION",
  "ERR_EXT_BUSY",
  "ERR_EXT_UNSUPPORTED",
];

/** A runtime whose modules a witness sees. It changes nothing: a test has what the engine gives it, at the same time. */
export class WitnessedRuntime implements Runtime {
  readonly contractVersion: Runtime["contractVersion"];
  readonly name: string;
  readonly aliases: readonly string[];
  readonly placement: Placement;
  readonly capabilities: Capabilities;
  readonly unavailable: string | undefined;
  readonly #runtime: Runtime;
  readonly #witness: Witness;
  readonly #open = new Set<WitnessedModule>();
  #closing = false;

  constructor(runtime: Runtime, witness: Witness) {
    this.#runtime = runtime;
    this.#witness = witness;
    this.contractVersion = runtime.contractVersion;
    this.name = runtime.name;
    this.aliases = runtime.aliases;
    this.placement = runtime.placement;
    this.capabilities = runtime.capabilities;
    this.unavailable = runtime.unavailable;
  }

  capabilitiesAt(placement: Placement): Capabilities {
    return this.#runtime.capabilitiesAt(placement);
  }

  async load(source: ExtensionSource | Extension, options?: LoadOptions): Promise<Module> {
    const seen = new SeenBeforeLoad();
    const given = options === undefined ? undefined : this.#options(options, seen);
    let module: Module;
    try {
      module = await this.#runtime.load(source, given);
    } catch (error) {
      this.#witness.refused(nameOf(source), error);
      throw error;
    }
    seen.is(module);
    const witnessed = new WitnessedModule(module, this.#witness, (closed) => this.#open.delete(closed));
    // One that was loaded while the runtime closes is closed by it.
    if (this.#closing) witnessed.closes();
    this.#open.add(witnessed);
    return witnessed;
  }

  close(options?: CloseOptions): Promise<void> {
    this.#closes();
    return options === undefined ? this.#runtime.close() : this.#runtime.close(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closes();
    return Promise.resolve(this.#runtime[Symbol.asyncDispose]());
  }

  #closes(): void {
    this.#closing = true;
    for (const module of this.#open) module.closes();
  }

  #options({ logger, hostFunctions, ...options }: LoadOptions, seen: SeenBeforeLoad): LoadOptions {
    const own: { logger?: Logger; hostFunctions?: HostFunctions } = {};
    if (logger !== undefined) own.logger = this.#logger(logger, seen);
    if (hostFunctions !== undefined) own.hostFunctions = this.#functions(hostFunctions, seen);
    return { ...options, ...own };
  }

  /** With the methods that the logger has, and no others. */
  #logger(logger: Logger, seen: SeenBeforeLoad): Logger {
    const own: Logger = {};
    for (const level of ["debug", "info", "warn", "error"] as const) {
      const method = logger[level];
      if (method === undefined) continue;
      own[level] = (message, fields) => {
        seen.when((module) => this.#witness.line(module, level, message, fields));
        method.call(logger, message, fields);
      };
    }
    return own;
  }

  #functions(functions: HostFunctions, seen: SeenBeforeLoad): HostFunctions {
    const own: Record<string, unknown> = Object.create(Object.getPrototypeOf(functions) as object | null);
    for (const [name, fn] of Object.entries(functions) as [string, unknown][])
      own[name] =
        typeof fn === "function"
          ? (...args: unknown[]) => {
              seen.when((module) => this.#witness.hostCall(module, name, args));
              return fn(...args) as unknown;
            }
          : fn;
    return own as HostFunctions;
  }
}

/** What the manifest says, where it is here and says something. */
function nameOf(source: ExtensionSource | Extension): string | undefined {
  const { manifest } = source as { manifest?: unknown };
  const name = typeof manifest === "object" && manifest !== null ? (manifest as { name?: unknown }).name : undefined;
  return typeof name === "string" ? name : undefined;
}

/** A guest may print, and call the host, before `load` has given its module. */
class SeenBeforeLoad {
  #module: Module | undefined;
  #waiting: ((module: Module) => void)[] = [];

  when(check: (module: Module) => void): void {
    if (this.#module === undefined) this.#waiting.push(check);
    else check(this.#module);
  }

  is(module: Module): void {
    this.#module = module;
    for (const check of this.#waiting) check(module);
    this.#waiting = [];
  }
}

class WitnessedModule implements Module {
  readonly #module: Module;
  readonly #witness: Witness;
  readonly #onClosed: (module: WitnessedModule) => void;
  readonly #told: string;
  #closing = false;
  #ended = 0;
  #failed = 0;
  #timeouts = 0;
  #underWay = 0;
  /** A call ended in a way that is not counted in the same way everywhere. */
  #uncounted = false;

  constructor(module: Module, witness: Witness, onClosed: (module: WitnessedModule) => void) {
    this.#module = module;
    this.#witness = witness;
    this.#onClosed = onClosed;
    this.#told = members(module);
  }

  get name(): string {
    return this.#module.name;
  }
  get version(): string {
    return this.#module.version;
  }
  get runtime(): string {
    return this.#module.runtime;
  }
  get exports(): readonly string[] {
    return this.#module.exports;
  }
  get placement(): Placement {
    return this.#module.placement;
  }
  get capabilities(): Capabilities {
    return this.#module.capabilities;
  }
  get manifest(): Manifest {
    return this.#module.manifest;
  }
  get limits(): AppliedLimits {
    return this.#module.limits;
  }
  get closed(): boolean {
    return this.#module.closed;
  }

  describe(): readonly ExportedFunction[] {
    return this.#module.describe();
  }

  invoke(fn: string, payload: string, options?: InvokeOptions): Promise<string> {
    return this.#follow({ method: "invoke", fn, payload, options }, this.#module.invoke(fn, payload, options));
  }

  call<Result = unknown>(fn: string, value?: unknown, options?: InvokeOptions): Promise<Result> {
    return this.#follow({ method: "call", fn, payload: value, options }, this.#module.call<Result>(fn, value, options));
  }

  invokeSync(fn: string, payload: string, options?: InvokeSyncOptions): string {
    this.#underWay++;
    try {
      const result = this.#module.invokeSync(fn, payload, options);
      this.#answered();
      return result;
    } catch (error) {
      this.#failure({ method: "invokeSync", fn, payload, options: options as Witnessed["options"] }, error);
      throw error;
    }
  }

  stats(): ModuleStats {
    const stats = this.#module.stats();
    this.#witness.see(() => this.#checkStats(stats));
    return stats;
  }

  close(options?: CloseOptions): Promise<void> {
    this.closes();
    return options === undefined ? this.#module.close() : this.#module.close(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.closes();
    return Promise.resolve(this.#module[Symbol.asyncDispose]());
  }

  /** It is about to be closed. */
  closes(): void {
    if (this.#closing) return;
    this.#witness.see(() => {
      if (!this.#module.closed) this.#checkMembers();
      this.#checkStats(this.#module.stats());
    });
    this.#closing = true;
    this.#onClosed(this);
  }

  /** What is returned is the engine's own promise: the order in which promises settle is part of what is tested. */
  #follow<Value>(call: Witnessed, result: Promise<Value>): Promise<Value> {
    this.#underWay++;
    result.then(
      () => this.#answered(),
      (error: unknown) => this.#failure(call, error),
    );
    return result;
  }

  #answered(): void {
    this.#ended++;
    this.#underWay--;
  }

  #failure(call: Witnessed, error: unknown): void {
    this.#ended++;
    this.#failed++;
    this.#underWay--;
    this.#witness.failed(this.#module, call, error);
    if (ExtensionError.is(error, "ERR_EXT_TIMEOUT")) this.#timeouts++;
    this.#uncounted ||= !ExtensionError.is(error) || UNCOUNTED.includes(error.code) || isTooLong(error);
    this.#witness.see(() => this.#checkMembers());
  }

  #checkMembers(): void {
    assert.equal(
      members(this.#module),
      this.#told,
      "name, version, runtime, exports, placement, capabilities, manifest and limits of a module do not change",
    );
    assert.equal(this.#module.closed, this.#closing, `${this.name}.closed before or after close()`);
  }

  #checkStats(stats: ModuleStats): void {
    const { durations, waits, ...counts } = stats;
    for (const [key, count] of Object.entries(counts))
      assert.ok(Number.isInteger(count) && count >= 0, `stats().${key} is ${count}`);
    const { calls, failures, timeouts, crashes, queued, busy, instances, instancesCreated, instancesReplaced } = stats;
    const calling = timeouts + crashes <= failures && failures <= calls;
    const made = busy <= instances && Math.max(instances, instancesReplaced) <= instancesCreated;
    assert.ok(calling && made, `stats that cannot be: ${show(stats)}`);
    for (const { count, p50, p99, max } of [durations, waits])
      assert.ok(count >= 0 && 0 <= p50 && p50 <= p99 && p99 <= max, `durations that cannot be: ${show(stats)}`);
    assert.ok(queued <= this.#underWay, `stats count ${queued} calls that wait, and ${this.#underWay} have no answer`);
    // What is under way may have come to its end, and its caller does not know yet.
    for (const [what, count, least] of [
      ["calls", calls, this.#ended],
      ["failures", failures, this.#failed],
      ["timeouts", timeouts, this.#timeouts],
    ] as const)
      assert.ok(
        count <= least + this.#underWay && (count >= least || this.#uncounted),
        `stats of ${this.name} count ${count} ${what}; ${least} are known, and ${this.#underWay} calls have no answer`,
      );
    if (this.#underWay > 0 || this.#uncounted) return;
    assert.deepEqual(
      [calls, failures, timeouts],
      [this.#ended, this.#failed, this.#timeouts],
      `stats of ${this.name}: calls, failures, timeouts`,
    );
  }
}

/** A payload that is refused for its length was never a call; one that is no JSON was. */
function isTooLong({ code, message }: ExtensionError): boolean {
  return code === "ERR_EXT_BAD_PAYLOAD" && message.includes("limits.payloadBytes");
}

function members({ name, version, runtime, exports, placement, capabilities, manifest, limits }: Module): string {
  return JSON.stringify([name, version, runtime, exports, placement, capabilities, manifest, limits]);
}

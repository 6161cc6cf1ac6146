import { CONTRACT_VERSION, type Runtime } from "../contract/runtime.ts";
import { ExtensionError } from "../errors.ts";
import type { UnavailableEngine } from "./discover.ts";

/** The runtimes of a host, by their names and aliases. */
export class HostRuntimes {
  readonly #runtimes = new Map<string, Runtime>();
  readonly #unavailable: readonly UnavailableEngine[];

  /**
   * @param unavailable engines that are not there, for better messages.
   * @throws TypeError for a runtime of another contract version, and for two runtimes of one name.
   */
  constructor(runtimes: Iterable<Runtime>, unavailable: readonly UnavailableEngine[]) {
    for (const runtime of runtimes) this.#add(runtime);
    this.#unavailable = unavailable;
  }

  /**
   * @param who names it, for the message.
   * @throws ExtensionError `ERR_EXT_UNKNOWN_RUNTIME`
   */
  get(name: string, who = "its manifest"): Runtime {
    const runtime = this.#runtimes.get(name);
    if (runtime === undefined) throw this.#unknown(name, who);
    return runtime;
  }

  #add(runtime: Runtime): void {
    if (runtime.contractVersion !== CONTRACT_VERSION)
      throw new TypeError(
        `this extruntime takes runtimes of contract version ${CONTRACT_VERSION}, and ${runtime.name} has ${runtime.contractVersion}`,
      );
    if (this.#runtimes.get(runtime.name)?.name === runtime.name)
      throw new TypeError(`two runtimes are named ${runtime.name}; a host takes one of each name`);
    this.#runtimes.set(runtime.name, runtime);
    for (const alias of runtime.aliases) if (!this.#runtimes.has(alias)) this.#runtimes.set(alias, runtime);
  }

  #unknown(name: string, who: string): ExtensionError {
    const missing = this.#unavailable.find((engine) => engine.name === name || engine.aliases.includes(name));
    const known = [...new Set([...this.#runtimes.values()].map((runtime) => runtime.name))].join(", ") || "none";
    const why = missing === undefined ? "" : `: ${[missing.reason, missing.remedy].filter(Boolean).join(". ")}`;
    return new ExtensionError(
      "ERR_EXT_UNKNOWN_RUNTIME",
      `${who} names the runtime ${JSON.stringify(name)}, which this host does not have${why} (it has: ${known})`,
    );
  }
}

import { pathToFileURL } from "node:url";
import type { Runtime } from "../contract/runtime.ts";
import { ExtensionError } from "../errors.ts";
import { KNOWN_ENGINES } from "../manifest/known-engines.ts";
import { native } from "../native/index.ts";
import type { RuntimeOptions } from "../runtime/runtime.ts";
import { findEnginePackages } from "./engine-packages.ts";
import { type EngineRegistration, registeredEngines } from "./registry.ts";

/** An engine that is known and cannot be had here. */
export interface UnavailableEngine {
  /** The name that a manifest's `runtime` says. */
  readonly name: string;
  /** Other names that a manifest may say. */
  readonly aliases: readonly string[];
  /** The package that would bring it. */
  readonly package: string;
  /** Why it cannot be had here. */
  readonly reason: string;
  /** What to do; may be empty where the reason says it. */
  readonly remedy: string;
}

/** Can be given to `new ExtensionHost` as it is, or with more options. */
export interface Discovery {
  /** One a name, in name order. A stub is among them where its real engine cannot run; its `unavailable` says so. */
  readonly runtimes: Runtime[];
  /** Engines that are known and cannot be had here, in name order. */
  readonly unavailable: UnavailableEngine[];
}

/** Where engines are looked for, and how they are made. */
export interface DiscoverOptions {
  /**
   * From where packages are looked for, upwards: a folder, or `import.meta.url` of the module that calls. By default the folder of the program's main
   * file, the working directory, and where this package is installed, in this order.
   */
  from?: string | URL | undefined;
  /** Given to every factory. */
  runtime?: RuntimeOptions | undefined;
}

/**
 * Finds the installed engine packages, imports them, and makes a runtime of each, `native` included.
 * Engines that a program imports itself need no discovery: `new ExtensionHost({ runtimes: [engine()] })`.
 *
 * @throws TypeError where an environment variable of an engine is wrong. An engine that cannot be had does not throw: it is in `unavailable`.
 */
export async function discoverRuntimes(options: DiscoverOptions = {}): Promise<Discovery> {
  const unavailable: UnavailableEngine[] = [];
  for (const found of await findEnginePackages(options.from)) {
    try {
      await import(pathToFileURL(found.register).href);
    } catch (error) {
      const { name, aliases } = KNOWN_ENGINES.find((engine) => engine.package === found.name) ?? {
        name: found.name,
        aliases: [],
      };
      unavailable.push(
        missing(
          name,
          aliases,
          found.name,
          `${found.name} failed to load: ${message(error)}`,
          "Reinstall it, or remove it.",
        ),
      );
    }
  }
  const runtimes = [native(options.runtime)];
  for (const group of groupByName(registeredEngines())) {
    const runtime = await firstThatRuns(group, options.runtime, unavailable);
    if (runtime !== undefined) runtimes.push(runtime);
  }
  for (const known of KNOWN_ENGINES) {
    if (
      known.package === undefined ||
      runtimes.some((runtime) => runtime.name === known.name) ||
      unavailable.some((engine) => engine.package === known.package)
    )
      continue;
    unavailable.push(
      missing(
        known.name,
        known.aliases,
        known.package,
        `the package ${known.package} is not installed`,
        `Run: npm install ${known.package}`,
      ),
    );
  }
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  return { runtimes: runtimes.sort(byName), unavailable: unavailable.sort(byName) };
}

function groupByName(registrations: readonly EngineRegistration[]): EngineRegistration[][] {
  const groups = new Map<string, EngineRegistration[]>();
  for (const registration of registrations) {
    const group = groups.get(registration.name) ?? [];
    group.push(registration);
    groups.set(registration.name, group);
  }
  // The real engine is tried before its stub.
  return [...groups.values()].map((group) => group.sort((a, b) => Number(a.stub ?? false) - Number(b.stub ?? false)));
}

async function firstThatRuns(
  group: readonly EngineRegistration[],
  options: RuntimeOptions | undefined,
  unavailable: UnavailableEngine[],
): Promise<Runtime | undefined> {
  for (const registration of group) {
    try {
      await registration.probe?.();
      const runtime = registration.create(options);
      if (runtime.unavailable !== undefined && !unavailable.some((engine) => engine.name === registration.name))
        unavailable.push(missing(registration.name, runtime.aliases, registration.package, runtime.unavailable, ""));
      return runtime;
    } catch (error) {
      // A mistake in the settings is the operator's to mend, not a reason to go on without the engine.
      if (!ExtensionError.is(error)) throw error;
      unavailable.push(missing(registration.name, [], registration.package, message(error), ""));
    }
  }
  return undefined;
}

function missing(
  name: string,
  aliases: readonly string[],
  pkg: string,
  reason: string,
  remedy: string,
): UnavailableEngine {
  return { name, aliases, package: pkg, reason, remedy };
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { readdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Runtime } from "../contract/runtime.ts";
import { ExtensionError } from "../errors.ts";
import { native } from "../native/index.ts";
import type { RuntimeOptions } from "../runtime/runtime.ts";
import { type EngineRegistration, registeredEngines } from "./registry.ts";

/** An engine that is known and cannot be had here. */
export interface UnavailableEngine {
  readonly name: string;
  readonly aliases: readonly string[];
  /** The package that would bring it. */
  readonly package: string;
  readonly reason: string;
  readonly remedy: string;
}

/** Can be given to `new ExtensionHost` as it is, or with more options. */
export interface Discovery {
  /** One a name, in name order. A stub is among them where its real engine is not to be had; its `unavailable` says so. */
  readonly runtimes: Runtime[];
  readonly unavailable: UnavailableEngine[];
}

export interface DiscoverOptions {
  /** Folder from which packages are looked for, upwards through its `node_modules`; by default the working directory. */
  from?: string | undefined;
  /** Given to every factory. */
  runtime?: RuntimeOptions | undefined;
}

/** The engines of this project, for a reason and a remedy where one is not installed. */
const KNOWN_ENGINES: readonly { name: string; aliases: readonly string[]; package: string }[] = [
  { name: "pyvm", aliases: [], package: "@extruntime/pyvm" },
  { name: "quickjs", aliases: ["goja"], package: "@extruntime/quickjs" },
  { name: "v8", aliases: ["v8go"], package: "@extruntime/v8" },
  { name: "wasm", aliases: ["wazero"], package: "@extruntime/wasm" },
];

/**
 * Finds the installed engine packages, imports them, and makes a runtime of each, `native` included.
 *
 * An engine package says in its `package.json` which file registers it: `"extruntime": { "register": "./dist/index.js" }`.
 * Looked at are the packages of the scope `@extruntime`, and what the nearest `package.json` depends on.
 *
 * @throws TypeError where an environment variable of an engine is wrong. An engine that cannot be had does not throw: it is in `unavailable`.
 */
export async function discoverRuntimes(options: DiscoverOptions = {}): Promise<Discovery> {
  const unavailable: UnavailableEngine[] = [];
  for (const found of await findEnginePackages(resolve(options.from ?? process.cwd()))) {
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

interface FoundPackage {
  readonly name: string;
  /** Path of the file to import. */
  readonly register: string;
}

async function findEnginePackages(from: string): Promise<FoundPackage[]> {
  const found = new Map<string, FoundPackage>();
  for (let dir = from; ; dir = dirname(dir)) {
    for (const name of await candidatesIn(dir)) {
      const engine = found.has(name) ? undefined : await readEnginePackage(name, join(dir, "node_modules", name));
      if (engine !== undefined) found.set(name, engine);
    }
    if (dirname(dir) === dir) return [...found.values()];
  }
}

async function candidatesIn(dir: string): Promise<Set<string>> {
  const scoped = await readdir(join(dir, "node_modules", "@extruntime")).catch(() => []);
  const manifest = await readJson(join(dir, "package.json"));
  const dependencies = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"].flatMap((key) =>
    Object.keys((manifest[key] as object | undefined) ?? {}),
  );
  return new Set([...scoped.map((name) => `@extruntime/${name}`), ...dependencies]);
}

async function readEnginePackage(name: string, dir: string): Promise<FoundPackage | undefined> {
  const { register } = ((await readJson(join(dir, "package.json"))).extruntime ?? {}) as { register?: unknown };
  return typeof register === "string" ? { name, register: join(dir, register) } : undefined;
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  } catch {
    // Not there or not readable: not a place where an engine is.
    return {};
  }
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

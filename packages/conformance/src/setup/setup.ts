import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { PROMISES, type PromiseName } from "./promises.ts";

/** A folder or a file: a path or a `file:` URL. */
export type Location = string | URL;

/** What is to be proved, and where its guests are. Everything in it can be written as JSON, since the tests run in processes of their own. */
export interface ConformanceSetup {
  /** The module of the engine, as users import it: a `file:` URL, a path, or the name of an installed package. It must be built. */
  readonly engine: Location;
  /** Name of the export that makes the runtime. Without it the module must call `registerEngine`, and what it registers is used. */
  readonly export?: string | undefined;
  /** Given to the factory; `{ placement: "thread" }`, for example. JSON values. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** Folder of the guests, one folder each; for an engine of several languages one folder for each, by language. */
  readonly guests: Location | Readonly<Record<string, Location>>;
  /** Folders of the `validate` extensions; by default the guest `validate`. */
  readonly validate?: readonly Location[] | undefined;
  /** Module that exports `escapes`, an array of `Escape`: attempts beside those that the kit brings for the languages it knows. */
  readonly escapes?: Location | undefined;
  /** What guests of a language can express, for languages that the kit does not know. */
  readonly languages?: Readonly<Record<string, Partial<LanguageTraits>>> | undefined;
  /**
   * Names that guests of a sandbox find beside those of their language, each with the reason why it is there and does no harm:
   * `{ performance: "a clock of milliseconds", "Math.fastRandom": "…" }`. Every other one fails.
   */
  readonly names?: Readonly<Record<string, string>> | undefined;
  /**
   * Milliseconds after which a test that has not ended counts as hanging; 60,000 by default, and a multiple of it for long tests. No test passes or
   * fails because of it as long as the engine answers at all.
   */
  readonly patienceMs?: number | undefined;
  /**
   * How often what is only repeated to be sure is done: 1 by default, and 0.2 for a fifth of the loads, calls and timeouts in a row. Every test runs. For an engine
   * that is tested whole at another placement.
   */
  readonly repeats?: number | undefined;
  /**
   * Promises that every test tries; of the others the smoke set tries what crosses between host and engine, once each. All by default, and `[]` for the smoke set alone. For
   * an engine that is tested whole at another placement: `["crashIsolation"]` where it is placed in processes, the one promise that it makes only there.
   */
  readonly whole?: readonly PromiseName[] | undefined;
}

/** What the guests of a language can do. It decides which guests there must be, and what is expected of them. */
export interface LanguageTraits {
  /** Guests receive values, so a payload that is not JSON never reaches them. Otherwise they receive its bytes. */
  readonly values: boolean;
  /** A guest can catch what is thrown into it: `loop-catching` is needed. */
  readonly catches: boolean;
  /** A guest can answer later: `async` is needed. */
  readonly awaits: boolean;
  /** A guest can call a builtin that runs long: `loop-native` is needed where `deadline` is `"hard"`. */
  readonly builtins: boolean;
  /** An error has a type and a stack with file names and lines. */
  readonly stacks: boolean;
}

/** A setup with every location made absolute, for the child process. */
export interface Plan {
  /** `file:` URL. */
  readonly engine: string;
  readonly export: string | undefined;
  readonly options: Readonly<Record<string, unknown>>;
  /** Paths. The key `*` stands for the only language. */
  readonly guests: Readonly<Record<string, string>>;
  readonly validate: readonly string[] | undefined;
  readonly escapes: string | undefined;
  readonly languages: Readonly<Record<string, Partial<LanguageTraits>>>;
  readonly names: Readonly<Record<string, string>>;
  readonly patienceMs: number;
  readonly repeats: number;
  readonly whole: readonly PromiseName[];
}

export const DEFAULT_PATIENCE_MS = 60_000;

/** @throws TypeError for a location that is not there, or options that are no JSON. */
export function makePlan(setup: ConformanceSetup): Plan {
  const { engine, guests, validate, escapes, patienceMs = DEFAULT_PATIENCE_MS, repeats = 1 } = setup;
  if (!(patienceMs > 0)) throw new TypeError(`patienceMs must be a number above 0, and is ${patienceMs}`);
  if (!(repeats > 0 && repeats <= 1)) throw new TypeError(`repeats must be above 0 and at most 1, and is ${repeats}`);
  return {
    engine: moduleUrl(engine),
    export: setup.export,
    options: jsonOnly(setup.options ?? {}),
    guests: guestFolders(guests),
    validate: validate?.map(folder),
    escapes: escapes === undefined ? undefined : moduleUrl(escapes),
    languages: setup.languages ?? {},
    names: withReasons(setup.names ?? {}),
    patienceMs,
    repeats,
    whole: promisesOnly(setup.whole ?? PROMISES),
  };
}

function promisesOnly(whole: readonly PromiseName[]): readonly PromiseName[] {
  for (const promise of whole)
    if (!PROMISES.includes(promise))
      throw new TypeError(`whole names ${JSON.stringify(promise)}; the promises are ${PROMISES.join(", ")}`);
  return whole;
}

function withReasons(names: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, reason] of Object.entries(names))
    if (typeof reason !== "string" || reason.trim() === "")
      throw new TypeError(`names[${JSON.stringify(name)}] must say why guests find it`);
  return names;
}

function guestFolders(guests: ConformanceSetup["guests"]): Record<string, string> {
  if (typeof guests === "string" || guests instanceof URL) return { "*": folder(guests) };
  return Object.fromEntries(Object.entries(guests).map(([language, location]) => [language, folder(location)]));
}

function folder(location: Location): string {
  const path = pathOf(location);
  if (!existsSync(path)) throw new TypeError(`there is no folder ${path}`);
  readdirSync(path);
  return path;
}

function moduleUrl(location: Location): string {
  const path = pathOf(location);
  if (existsSync(path)) return pathToFileURL(path).href;
  if (location instanceof URL || /^[./\\]/.test(location))
    throw new TypeError(`there is no module ${path}; build the engine first`);
  return packageModule(location);
}

/** The main module of an installed package, seen from the working directory. Read by hand, since `require.resolve` knows nothing of `import` conditions. */
function packageModule(name: string): string {
  const lookup = createRequire(join(process.cwd(), "package.json")).resolve.paths(name) ?? [];
  const dir = lookup.map((path) => join(path, name)).find((path) => existsSync(join(path, "package.json")));
  if (dir === undefined) throw new TypeError(`there is no file and no installed package ${JSON.stringify(name)}`);
  const manifest = createRequire(import.meta.url)(join(dir, "package.json")) as {
    extruntime?: { register?: string };
    exports?: unknown;
    main?: string;
  };
  const main = manifest.extruntime?.register ?? mainExport(manifest.exports) ?? manifest.main ?? "index.js";
  return pathToFileURL(join(dir, main)).href;
}

function mainExport(exports: unknown): string | undefined {
  if (typeof exports === "string") return exports;
  if (typeof exports !== "object" || exports === null) return undefined;
  const { ".": root, default: fallback, import: imported } = exports as Record<string, unknown>;
  return mainExport(root) ?? mainExport(imported) ?? mainExport(fallback);
}

function pathOf(location: Location): string {
  if (location instanceof URL) return fileURLToPath(location);
  return location.startsWith("file:") ? fileURLToPath(location) : resolve(location);
}

function jsonOnly(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const text = JSON.stringify(options);
  const copy = JSON.parse(text) as Record<string, unknown>;
  for (const key of Object.keys(options))
    if (!(key in copy) && options[key] !== undefined)
      throw new TypeError(
        `options.${key} is a ${typeof options[key]}; options must be JSON, since tests run in processes of their own. Export a factory that sets it, and name that in "export"`,
      );
  return copy;
}

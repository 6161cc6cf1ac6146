import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { argv, cwd } from "node:process";
import { fileURLToPath } from "node:url";

export interface EnginePackage {
  readonly name: string;
  /** Path of the file that registers the engine when it is imported. */
  readonly register: string;
}

/**
 * Finds installed engine packages: those whose `package.json` says which file registers them (`"extruntime": { "register": "./dist/index.js" }`).
 * Looked at are the packages of the scope `@extruntime`, and what a `package.json` on the way up depends on. Of two with one name the first counts.
 *
 * @param from folder or `file:` URL from which to look upwards; without it the program's main file, the working directory, and this package itself,
 *   beside which engines are installed.
 */
export async function findEnginePackages(from: string | URL | undefined): Promise<EnginePackage[]> {
  const found = new Map<string, EnginePackage>();
  for (const start of new Set(from === undefined ? usualPlaces() : [folderOf(from)]))
    for (const dir of upwards(start))
      for (const name of await candidatesIn(dir)) {
        const engine = found.has(name) ? undefined : await readEnginePackage(name, dir);
        if (engine !== undefined) found.set(name, engine);
      }
  return [...found.values()];
}

function usualPlaces(): string[] {
  // Without a main file, as in a REPL, it is a flag or nothing.
  const main = argv[1] === undefined ? [] : [dirname(resolve(argv[1]))];
  return [...main, cwd(), dirname(fileURLToPath(import.meta.url))];
}

/** A URL is that of the module that calls, `import.meta.url`; looking from a file works as looking from its folder. */
function folderOf(from: string | URL): string {
  return resolve(from instanceof URL || from.startsWith("file:") ? fileURLToPath(from) : from);
}

function* upwards(start: string): Generator<string> {
  for (let dir = start; ; dir = dirname(dir)) {
    yield dir;
    if (dirname(dir) === dir) return;
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

async function readEnginePackage(name: string, dir: string): Promise<EnginePackage | undefined> {
  const folder = packageFolder(name, dir);
  const { register } = ((await readJson(join(folder, "package.json"))).extruntime ?? {}) as { register?: unknown };
  return typeof register === "string" ? { name, register: join(folder, register) } : undefined;
}

/** As Node resolves it, since not every package manager has a folder `node_modules`; a package need not export its `package.json`. */
function packageFolder(name: string, dir: string): string {
  try {
    return dirname(createRequire(join(dir, "package.json")).resolve(`${name}/package.json`));
  } catch {
    return join(dir, "node_modules", name);
  }
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  } catch {
    // Not there or not readable: not a place where an engine is.
    return {};
  }
}

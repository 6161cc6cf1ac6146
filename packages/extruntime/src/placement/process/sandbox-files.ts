import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, extname, join, resolve, sep } from "node:path";

/** A file or folder of the host that a sandbox shows at the same path; with `target`, a symbolic link to there. */
export interface Shown {
  readonly path: string;
  readonly target?: string;
}

/** What programs of the system need. Not all of `/usr`: container images keep the application there. */
export const SYSTEM = [
  ...["/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/local/lib"],
  // Time zones and languages; modules of Node where a distribution keeps them apart.
  ...["/usr/share/zoneinfo", "/usr/share/locale", "/usr/share/i18n", "/usr/share/nodejs", "/usr/share/node_modules"],
  ...["/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives"],
];

interface PackageJson {
  readonly files?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/**
 * What Node reads to run the agent and the module of an engine, found as Node finds it. Of a package, its folder as it would be installed, and the packages that it
 * depends on. Of a module that is in no package of its own (its nearest `package.json` may be anybody's) the file, and the files that it imports by
 * a relative path. Whatever else a module reads is for `processes.sandbox.readable` to name.
 */
export function filesOfModules(agent: string, engine: string): Shown[] {
  const ofAgent = realpathSync(agent);
  const walk = new Walk(packageOf(ofAgent));
  walk.module(ofAgent, false);
  walk.module(realpathSync(engine), true);
  return walk.shown;
}

/** Node itself, with the libraries that it loads from elsewhere than the system's folders. */
export function filesOfNode(): Shown[] {
  nodeFiles ??= isOfSystem(process.execPath) ? [] : [{ path: process.execPath }, ...librariesOfNode()];
  return nodeFiles;
}

/** `paths`, and where they lead, without what is in a folder that is shown anyway. */
export function withoutCovered(shown: readonly Shown[]): Shown[] {
  const byPath = new Map(shown.map((each) => [each.path, each]));
  const folders = [...byPath.values()].filter(({ target }) => target === undefined).map(({ path }) => path);
  const isCovered = (path: string) => isOfSystem(path) || folders.some((folder) => isInside(path, folder));
  return [...byPath.values()].filter(({ path }) => !isCovered(path)).sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A path that a caller names: what it leads to, at both places. */
export function shownPath(path: string): Shown[] {
  const absolute = resolve(path);
  const real = realpathSync(absolute);
  return real === absolute ? [{ path: real }] : [{ path: real }, { path: absolute, target: real }];
}

let nodeFiles: Shown[] | undefined;

/** Of a folder in `node_modules`. Others, such as `..`, would lead out of it. */
const PACKAGE_NAME = /^(@[^./@][^/]*\/)?[^./@][^/]*$/;

/** Dependencies of this package that only a host loads: for bundles, schemas and watched folders. */
const OF_HOSTS: ReadonlySet<string> = new Set(["ajv", "chokidar", "re2js", "resolve.exports"]);

class Walk {
  readonly shown: Shown[] = [];
  readonly #seen = new Set<string>();
  /** The folder of this package. */
  readonly #core: string | undefined;

  constructor(core: string | undefined) {
    this.#core = core;
  }

  /**
   * @param file its real path.
   * @param own whether optional peers count: they are what an engine is built upon.
   */
  module(file: string, own: boolean): void {
    const root = packageOf(file);
    if (root === undefined) this.#loose(file);
    else this.#package(root, own);
  }

  #package(root: string, own = false): void {
    if (!this.#isNew(root)) return;
    const manifest = readManifest(root);
    // One that is developed here holds more than what is published.
    const parts = isInstalled(root) || manifest.files === undefined ? [root] : partsOf(root, manifest.files);
    this.shown.push(...parts.map((path) => ({ path })));
    const { peerDependencies = {}, peerDependenciesMeta = {} } = manifest;
    const peers = Object.keys(peerDependencies).filter((name) => own || peerDependenciesMeta[name]?.optional !== true);
    const names = [manifest.dependencies, manifest.optionalDependencies].flatMap((each) => Object.keys(each ?? {}));
    for (const name of new Set([...names, ...peers])) this.#dependency(root, name);
  }

  /** Links stay links: a module's own imports are looked for from its real path. */
  #dependency(from: string, name: string): void {
    if (!PACKAGE_NAME.test(name) || (from === this.#core && OF_HOSTS.has(name))) return;
    for (let dir = from; ; dir = dirname(dir)) {
      const path = join(dir, "node_modules", name);
      if (existsSync(path)) {
        const real = realpathSync(path);
        if (real !== path) this.shown.push({ path, target: real });
        this.#package(real);
        return;
      }
      if (dirname(dir) === dir) return;
    }
  }

  #loose(file: string): void {
    if (!this.#isNew(file)) return;
    this.shown.push({ path: file });
    // Whether it is an ES module.
    const manifest = extname(file) === ".js" ? nearest(dirname(file)) : undefined;
    if (manifest !== undefined) this.shown.push({ path: manifest });
    for (const specifier of importsOf(file)) {
      if (!specifier.startsWith(".")) this.#dependency(dirname(file), packageName(specifier));
      else if (isFile(join(dirname(file), specifier))) this.module(realpathSync(join(dirname(file), specifier)), false);
    }
  }

  #isNew(path: string): boolean {
    if (this.#seen.has(path)) return false;
    this.#seen.add(path);
    return true;
  }
}

/** The folder of the package that a file is published with; `undefined` where it is in none. */
function packageOf(file: string): string | undefined {
  const installed = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0];
  if (installed !== undefined) return installed;
  const manifest = nearest(dirname(file));
  if (manifest === undefined) return undefined;
  const root = dirname(manifest);
  // What it compiles for itself does not count here: a stray package.json does not own every `build` below it.
  const parts = namedIn(root, readManifest(root).files ?? []);
  return parts.some((part) => part === file || isInside(file, part)) ? root : undefined;
}

function isInstalled(root: string): boolean {
  return root.includes(`${sep}node_modules${sep}`);
}

/** What `files` of a package.json names, as far as it is there, and what a package compiles for itself. */
function partsOf(root: string, files: readonly string[]): string[] {
  return [...new Set([...insideOf(root, ["package.json", "build"]), ...namedIn(root, files)])];
}

function namedIn(root: string, files: readonly string[]): string[] {
  const named = files.map((each) => each.replace(/[*?[{].*$/, "")).filter((each) => /[^./]/.test(each));
  return insideOf(root, named);
}

function insideOf(root: string, parts: readonly string[]): string[] {
  const paths = parts.map((each) => join(root, each).replace(/\/$/, ""));
  return paths.filter((path) => isInside(path, root) && existsSync(path));
}

function nearest(from: string): string | undefined {
  for (let dir = from; ; dir = dirname(dir)) {
    const path = join(dir, "package.json");
    if (existsSync(path)) return path;
    if (dirname(dir) === dir) return undefined;
  }
}

/** Any file of that name may be the nearest one, so it may hold anything. */
function readManifest(root: string): PackageJson {
  let read: unknown;
  try {
    read = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  } catch {
    return {};
  }
  if (!isObject(read)) return {};
  const objects = Object.entries(read).filter(([name, value]) => name !== "files" && isObject(value));
  const files = Array.isArray(read.files) ? read.files.filter((each) => typeof each === "string") : undefined;
  return { ...Object.fromEntries(objects), ...(files === undefined ? {} : { files }) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** What a module seems to import. One that only looks like an import shows a file that is not needed, beside those that are. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const patterns = [
    /\b(?:import|export)\b[^"'();]*["']([^"'\n]+)["']/g,
    /\b(?:import|require)\s*\(\s*["']([^"'\n]+)["']/g,
    /\bnew\s+URL\s*\(\s*["'](\.[^"'\n]+)["']\s*,\s*import\.meta\.url/g,
  ];
  const found = patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, specifier]) => specifier!));
  return found.filter((specifier) => !/^(node:|data:|file:|\/)/.test(specifier));
}

function packageName(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function isFile(path: string): boolean {
  return existsSync(path) && lstatSync(realpathSync(path)).isFile();
}

function librariesOfNode(): Shown[] {
  const script = "process.stdout.write(require('fs').readFileSync('/proc/self/maps', 'utf8'))";
  const maps = execFileSync(process.execPath, ["-e", script], { encoding: "utf8", env: {} });
  const libraries = new Set([...maps.matchAll(/(\/.*\.so[.\d]*)$/gm)].map(([, path]) => path!));
  return [...libraries]
    .filter((path) => !isOfSystem(path))
    .flatMap((path) => {
      const folder = dirname(path);
      const links = readdirSync(folder).map((name) => join(folder, name));
      const names = links.filter((link) => link !== path && existsSync(link) && realpathSync(link) === path);
      return [{ path }, ...names.map((link) => ({ path: link, target: path }))];
    });
}

/** Whether a path is among what a sandbox shows. */
export function isShown(path: string, shown: readonly Shown[]): boolean {
  return isOfSystem(path) || shown.some((each) => path === each.path || isInside(path, each.path));
}

function isOfSystem(path: string): boolean {
  return SYSTEM.some((folder) => isInside(path, folder));
}

/** Not for the folder itself. */
function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

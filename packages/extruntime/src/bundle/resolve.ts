import { isBuiltin } from "node:module";
import { posix } from "node:path";
import { exports as exportsOf, imports as importsOf } from "resolve.exports";
import type { ExtensionFiles } from "./extension-files.ts";

/** What an import means: a file, nothing (a module that a package leaves out in browsers), or a module of Node's. */
export type Resolved =
  | { readonly file: string; readonly sideEffects: boolean }
  | { readonly empty: true }
  | { readonly builtin: string };

export interface ImportOf {
  readonly specifier: string;
  /** Path of the file that has it. */
  readonly importer: string;
  /** By `require` and not by `import`. */
  readonly require: boolean;
}

type Package = Readonly<Record<string, unknown>>;

/** Endings that an import may leave out, the first one that is there. */
const ENDINGS = [".ts", ".tsx", ".mts", ".js", ".jsx", ".mjs", ".cjs", ".cts", ".json"];
/** What TypeScript has an import of `./x.js` mean, where there is no such file. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  ".js": [".ts", ".tsx"],
  ".jsx": [".tsx"],
  ".mjs": [".mts"],
  ".cjs": [".cts"],
};

/** Node's way of finding modules, in the files of an extension alone. In a sandbox the conditions of browsers hold. */
export class Resolver {
  readonly #files: ExtensionFiles;
  readonly #node: boolean;

  constructor(files: ExtensionFiles, node: boolean) {
    this.#files = files;
    this.#node = node;
  }

  /** `undefined` where nothing is found. */
  async resolve({ specifier, importer, require }: ImportOf): Promise<Resolved | undefined> {
    const folder = posix.dirname(importer);
    if (this.#node && isBuiltin(specifier)) return { builtin: specifier };
    if (/^\.{1,2}(\/|$)/.test(specifier)) return this.#own(posix.join(folder, specifier), folder);
    if (specifier.startsWith("#")) return this.#internal(specifier, folder, require);
    if (isBareName(specifier)) {
      const mapped = await this.#mappedByBrowser(specifier, folder);
      if (mapped !== undefined) return mapped;
      const found = await this.#package(specifier, folder, require);
      if (found !== undefined) return found;
    }
    return isBuiltin(specifier) ? { builtin: specifier } : undefined;
  }

  /** A file of the extension, or of the package that it is in. */
  async #own(path: string, folder: string): Promise<Resolved | undefined> {
    const mapped = this.#node ? undefined : await this.#mappedByBrowser(path, folder, true);
    return mapped ?? this.#found(await this.#fileAt(path));
  }

  async #internal(specifier: string, folder: string, require: boolean): Promise<Resolved | undefined> {
    const at = await this.#packageAround(folder);
    if (at === undefined) return undefined;
    const targets = tried(() => importsOf(at.json, specifier, this.#conditions(require)));
    for (const target of targets) {
      if (target.startsWith("./")) return this.#found(await this.#exactly(posix.join(at.folder, target)));
      const found = await this.resolve({ specifier: target, importer: posix.join(at.folder, "package.json"), require });
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #package(specifier: string, from: string, require: boolean): Promise<Resolved | undefined> {
    const [, name = "", rest = ""] = /^(@[^/]+\/[^/]+|[^/]+)(.*)$/.exec(specifier) ?? [];
    for (const folder of foldersAbove(from)) {
      if (posix.basename(folder) === "node_modules") continue;
      const at = posix.join(folder, "node_modules", name);
      const json = await this.#files.json(`${at}/package.json`);
      const found = await this.#inPackage(at, json, rest, require);
      if (found !== undefined) return found;
      if (json !== undefined) return undefined;
    }
    return undefined;
  }

  async #inPackage(
    at: string,
    json: Package | undefined,
    rest: string,
    require: boolean,
  ): Promise<Resolved | undefined> {
    if (json?.exports !== undefined && json.exports !== null) {
      for (const target of tried(() => exportsOf(json, `.${rest}`, this.#conditions(require)))) {
        const file = await this.#exactly(posix.join(at, target));
        if (file !== undefined) return this.#found(file);
      }
      return undefined;
    }
    if (rest !== "") return this.#own(posix.join(at, rest), at);
    const mains = this.#node ? ["main"] : ["browser", "module", "main"];
    for (const main of mains) {
      const path = json?.[main];
      if (typeof path !== "string") continue;
      const found = await this.#own(posix.join(at, path), at);
      if (found !== undefined) return found;
    }
    return this.#found(await this.#fileAt(`${at}/index`));
  }

  /** By the object that a package may have as `browser`: another file, or none, for one of its own or for another package. */
  async #mappedByBrowser(target: string, folder: string, isPath = false): Promise<Resolved | undefined> {
    if (this.#node) return undefined;
    const around = await this.#packageAround(folder);
    const browser = around?.json.browser;
    if (around === undefined || typeof browser !== "object" || browser === null) return undefined;
    const own = `./${posix.relative(around.folder, target)}`;
    for (const key of isPath ? [own, `${own}.js`, `${own}/index.js`] : [target]) {
      if (!Object.hasOwn(browser, key)) continue;
      const value = (browser as Package)[key];
      if (value === false) return { empty: true };
      if (typeof value !== "string" || value === key) return undefined;
      if (value.startsWith("./")) return this.#found(await this.#fileAt(posix.join(around.folder, value)));
      return this.#package(value, around.folder, false);
    }
    return undefined;
  }

  async #packageAround(folder: string): Promise<{ folder: string; json: Package } | undefined> {
    for (const each of foldersAbove(folder)) {
      if (posix.basename(each) === "node_modules") return undefined;
      const json = await this.#files.json(posix.join(each, "package.json"));
      if (json !== undefined) return { folder: each, json };
    }
    return undefined;
  }

  async #fileAt(path: string): Promise<string | undefined> {
    if (leavesFolder(path)) return undefined;
    const exact = await this.#exactly(path);
    if (exact !== undefined) return exact;
    const ending = posix.extname(path);
    const bare = path.slice(0, path.length - ending.length);
    const tries = [
      ...(SOURCES[ending] ?? []).map((each) => bare + each),
      ...ENDINGS.map((each) => path + each),
      ...ENDINGS.map((each) => `${path}/index${each}`),
    ];
    for (const each of tries) if (await this.#files.has(each)) return each;
    const main = (await this.#files.json(`${path}/package.json`))?.main;
    return typeof main === "string" && main !== "" ? this.#fileAt(posix.join(path, main)) : undefined;
  }

  async #exactly(path: string): Promise<string | undefined> {
    return !leavesFolder(path) && (await this.#files.has(path)) ? path : undefined;
  }

  async #found(path: string | undefined): Promise<Resolved | undefined> {
    if (path === undefined) return undefined;
    const file = this.#files.realPath(path);
    const around = file.includes("node_modules/") ? await this.#packageAround(posix.dirname(file)) : undefined;
    return { file, sideEffects: around?.json.sideEffects !== false };
  }

  #conditions(require: boolean) {
    return { browser: !this.#node, require, unsafe: false, conditions: ["module"] };
  }
}

function isBareName(specifier: string): boolean {
  return /^[^./:\\][^:\\]*$/.test(specifier);
}

function leavesFolder(path: string): boolean {
  return path.startsWith("..") || path.startsWith("/");
}

/** A folder and those above it, up to the extension's own, `.`. */
function foldersAbove(folder: string): string[] {
  const found: string[] = [];
  for (let at = folder; ; at = posix.dirname(at)) {
    found.push(at);
    if (at === "." || at === "/" || at === "") return found;
  }
}

/** What a package's map gives; for one without an entry the library throws. */
function tried(look: () => unknown): string[] {
  try {
    return (look() as string[] | undefined) ?? [];
  } catch {
    return [];
  }
}

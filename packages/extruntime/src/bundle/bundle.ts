import { createHash } from "node:crypto";
import { isBuiltin } from "node:module";
import { posix } from "node:path";
import type { Loader, Message, OnLoadResult, OnResolveArgs, OnResolveResult, Plugin } from "esbuild";
import { ExtensionError, guestError } from "../errors.ts";
import type { Extension } from "../manifest/extension.ts";
import { BundleFaults, build } from "./esbuild.ts";
import { ExtensionFiles, type Looks } from "./extension-files.ts";
import { Resolver } from "./resolve.ts";
import type { BundleTarget } from "./target.ts";

/** An extension's module with all that it imports, as one file. */
export interface Bundle {
  readonly code: string;
  /** Source map of it, JSON. */
  readonly map: string;
  /** Whether it is an ES module; else it is a script. */
  readonly isModule: boolean;
}

/** Where esbuild finds the extension's files: it never opens one by itself. */
const NAMESPACE = "extension";
/** Of CommonJS a module whose exports have the manifest's names. */
const ENTRY = "extruntime:entry";
const EMPTY = "extruntime:empty";

const LOADERS: Readonly<Record<string, Loader>> = {
  ...{ ".ts": "ts", ".mts": "ts", ".cts": "ts", ".tsx": "tsx" },
  ...{ ".js": "js", ".mjs": "js", ".cjs": "js", ".jsx": "jsx" },
  ...{ ".json": "json", ".txt": "text" },
};

/** Characters of a bundle, and faults that a message tells. */
const MOST_CHARS = 64 << 20;
const MOST_FAULTS = 10;
/** Characters of a URL that a message tells. */
const MOST_TOLD = 100;

/** Bundles by what they were made of, the ones used last at the end. */
const bundles = new Map<string, { readonly looks: Looks; readonly bundle: Bundle }>();
const MOST_KEPT = 64;
const MOST_KEPT_CHARS = 1 << 20;

/**
 * Bundles an extension, once for each content.
 *
 * @throws ExtensionError `ERR_EXT_GUEST` for a fault of its source and for an import that leads nowhere, with file and line; `ERR_EXT_BAD_MANIFEST` where
 * it is too large.
 */
export async function bundle(extension: Extension, target: BundleTarget): Promise<Bundle> {
  const { module = "", exports } = extension.manifest;
  const files = new ExtensionFiles(extension);
  const main = await files.read(module);
  if (main === undefined)
    throw new ExtensionError("ERR_EXT_BAD_MANIFEST", `${extension.location}: ${module} cannot be read`);
  const key = createHash("sha256")
    .update(JSON.stringify([module, exports, target]))
    .update(main)
    .digest("base64");
  const kept = bundles.get(key);
  if (kept !== undefined && (await files.areStill(kept.looks))) {
    bundles.delete(key);
    bundles.set(key, kept);
    return kept.bundle;
  }
  const made = await new Bundler(extension, files, target).bundle();
  if (made.code.length + made.map.length <= MOST_KEPT_CHARS)
    bundles.set(key, { looks: new Map(files.looks), bundle: made });
  if (bundles.size > MOST_KEPT) bundles.delete(bundles.keys().next().value!);
  return made;
}

class Bundler {
  readonly #extension: Extension;
  readonly #files: ExtensionFiles;
  readonly #target: BundleTarget;
  readonly #resolver: Resolver;

  constructor(extension: Extension, files: ExtensionFiles, target: BundleTarget) {
    this.#extension = extension;
    this.#files = files;
    this.#target = target;
    this.#resolver = new Resolver(files, target.node);
  }

  async bundle(): Promise<Bundle> {
    const module = this.#extension.manifest.module!;
    const first = await this.#build(module);
    const format = first.inputs[`${NAMESPACE}:${module}`]?.format;
    if (format === undefined) return this.#script(module);
    return format === "cjs" ? this.#build(ENTRY) : first;
  }

  /** A file without imports and exports: its functions are those of its top level. */
  async #script(module: string): Promise<Bundle> {
    return { ...(await this.#build(module, { bundle: false })), isModule: false };
  }

  async #build(
    entry: string,
    { bundle = true } = {},
  ): Promise<Bundle & { inputs: Readonly<Record<string, { format?: string }>> }> {
    const { node, target } = this.#target;
    try {
      const result = await build({
        ...{ entryPoints: [entry], outfile: "/bundle.js", absWorkingDir: "/", write: false, metafile: true },
        ...{ bundle, platform: "neutral", target, jsx: "automatic", charset: "utf8", legalComments: "none" },
        ...(bundle && { format: "esm" }),
        ...{ sourcemap: "external", sourcesContent: false, tsconfigRaw: "{}", logLevel: "silent" },
        ...(node ? { banner: { js: REQUIRE } } : { define: { "process.env.NODE_ENV": '"production"' } }),
        plugins: [this.#plugin()],
      });
      const text = (ending: string) => result.outputFiles?.find(({ path }) => path.endsWith(ending))?.text ?? "";
      const code = text(".js");
      if (code.length > MOST_CHARS)
        throw new ExtensionError(
          "ERR_EXT_BAD_MANIFEST",
          `${this.#extension.location}: its bundle has ${code.length} characters, and may have ${MOST_CHARS}`,
        );
      return { code, map: plainNames(text(".js.map")), isModule: true, inputs: result.metafile?.inputs ?? {} };
    } catch (error) {
      throw error instanceof BundleFaults ? this.#faults(error.faults) : error;
    }
  }

  #plugin(): Plugin {
    return {
      name: "extruntime",
      setup: ({ onResolve, onLoad }) => {
        onResolve({ filter: /.*/ }, (asked) => this.#resolve(asked));
        onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => this.#load(path));
        onLoad({ filter: /.*/, namespace: EMPTY }, () => ({ contents: "", loader: "js" }));
        onLoad({ filter: /.*/, namespace: ENTRY }, () => ({ contents: this.#entry(), loader: "js" }));
      },
    };
  }

  async #resolve({ path, importer, kind, namespace }: OnResolveArgs): Promise<OnResolveResult | undefined> {
    if (kind === "entry-point") return path === ENTRY ? { path, namespace: ENTRY } : { path, namespace: NAMESPACE };
    if (namespace === ENTRY) return { path, namespace: NAMESPACE };
    // esbuild would take the code that such a URL holds for a file.
    if (/^[a-z][\w+.-]*:/i.test(path) && !isBuiltin(path))
      return {
        errors: [
          { text: `cannot import ${path.slice(0, MOST_TOLD)}: only files and packages of the extension can be` },
        ],
      };
    const require = kind === "require-call" || kind === "require-resolve";
    const found = await this.#resolver.resolve({ specifier: path, importer, require });
    if (found === undefined) return this.#unresolved(path);
    if ("empty" in found) return { path, namespace: EMPTY };
    if ("file" in found) return { path: found.file, namespace: NAMESPACE, sideEffects: found.sideEffects };
    // Where a package only tries whether Node is there, esbuild lets `require` fail when it is reached.
    return this.#target.node ? { path, external: true } : undefined;
  }

  /** Undefined has esbuild say so itself, and only warn where the source is prepared for it. It looks nowhere: these files are in no folder of its. */
  #unresolved(path: string): OnResolveResult | undefined {
    const { refusal } = this.#files;
    return refusal === undefined ? undefined : { errors: [{ text: `cannot import ${path}: ${refusal}` }] };
  }

  async #load(path: string): Promise<OnLoadResult> {
    const loader = LOADERS[posix.extname(path)];
    if (loader === undefined)
      return { errors: [{ text: `cannot import ${path}: only JavaScript, TypeScript, JSON and text can be` }] };
    const bytes = await this.#files.read(path);
    return bytes === undefined ? { errors: [{ text: `${path} cannot be read` }] } : { contents: bytes, loader };
  }

  #entry(): string {
    const { exports, module } = this.#extension.manifest;
    const lines = exports.map((name, index) => `const f${index} = all[${JSON.stringify(name)}];`);
    const names = exports.map((name, index) => `f${index} as ${name}`);
    return `import * as all from ${JSON.stringify(module)};\n${lines.join("\n")}\nexport { ${names.join(", ")} };`;
  }

  #faults(faults: readonly Message[]): ExtensionError {
    const told = faults.slice(0, MOST_FAULTS).map((fault) => this.#told(fault));
    if (faults.length > MOST_FAULTS) told.push(`and ${faults.length - MOST_FAULTS} more faults`);
    const { location } = faults[0]!;
    const stack = location === null ? "" : `    at ${placeOf(location)}`;
    return guestError({ name: "SyntaxError", message: told.join("; "), stack });
  }

  #told({ text, location }: Message): string {
    const [, specifier] = /^Could not resolve "(.*)"$/.exec(text) ?? [];
    const what = specifier === undefined ? text : this.#cannotImport(specifier, location);
    return location === null ? what : `${placeOf(location)}: ${what}`;
  }

  #cannotImport(specifier: string, location: Message["location"]): string {
    if (isBuiltin(specifier)) return `cannot import ${specifier}: a sandbox has none of Node's own modules`;
    if (!/^[./]/.test(specifier))
      return `cannot import ${specifier}: there is no such package in the extension's own node_modules`;
    const importer = location?.file.replace(`${NAMESPACE}:`, "") ?? "";
    const path = specifier.startsWith("/") ? specifier : posix.join(posix.dirname(importer), specifier);
    return `cannot import ${path}: there is no such file in the extension's folder`;
  }
}

/** CommonJS in an ES module of Node's. */
const REQUIRE = `import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);`;

function placeOf({ file, line, column }: { file: string; line: number; column: number }): string {
  return `${file.replace(`${NAMESPACE}:`, "")}:${line}:${column + 1}`;
}

/** With files as the author knows them. */
function plainNames(map: string): string {
  const read = JSON.parse(map) as { sources: string[] };
  return JSON.stringify({ ...read, sources: read.sources.map((source) => source.replace(`${NAMESPACE}:`, "")) });
}

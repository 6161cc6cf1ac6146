import { posix } from "node:path";
import type { Extension } from "../manifest/extension.ts";
import type { BundleTarget } from "./target.ts";

/** Files that only a bundler makes JavaScript of. */
const COMPILED = /\.([cm]?ts|[jt]sx|cjs)$/;
const PLAIN = /\.m?js$/;
/** An import that is written out. What is in a comment counts too: a bundle does the same as the file. */
const STATIC = /\b(?:from|import)\s*(["'])([^"'\n]+)\1/g;
/** One of a literal, which may never be reached: it counts where it leads to something. */
const DYNAMIC = /\b(?:import|require)\s*\(\s*(["'])([^"'\n]+)\1/g;
/** The name of a package at the beginning of what is imported. */
const PACKAGE = /^(?:@[\w.-]+\/)?[\w-][\w.-]*(?=\/|$)/;
/** How CommonJS is written at the beginning of a line, by who asks nobody whether it is there, as files for several systems do. */
const COMMON_JS =
  /^(?:"use strict";)?(?:(?:module\.)?exports(?:\.[\w$]+)*\s*=[^=]|(?:const|let|var)\s[^=\n]+=\s*require\(["'])/m;
const ASKS = /typeof\s+(?:module|exports|require)\b/;

/** Whether a module is to be bundled for an engine. */
export type Need =
  /** It loads as it is. */
  | "no"
  /** It seems to import what the engine does not find by itself; without a bundler it may try. */
  | "maybe"
  | "yes";

/** @param source text of the module, or of the next file to look at. */
export async function needsBundle(
  extension: Extension,
  { node }: BundleTarget,
  source: () => Promise<string>,
): Promise<Need> {
  const { module = "" } = extension.manifest;
  if (COMPILED.test(module)) return node && module.endsWith(".cjs") ? "no" : "yes";
  if (node || !PLAIN.test(module)) return "no";
  const text = await source();
  if (isCommonJs(text)) return "maybe";
  const imports = importsOf(text);
  return imports.length === 0 ? "no" : ownFilesSuffice(extension, module, imports);
}

interface Import {
  readonly specifier: string;
  readonly dynamic: boolean;
}

/** Whether all that is imported are `.js` and `.mjs` files of the extension, by their paths. */
async function ownFilesSuffice(extension: Extension, module: string, imports: readonly Import[]): Promise<Need> {
  const there = new Set(await extension.list());
  const seen = new Set([module]);
  const open = [{ path: module, imports }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const { specifier, dynamic } of next.imports) {
      const path = posix.join(posix.dirname(next.path), specifier);
      if (dynamic && !(await leadsSomewhere(extension, specifier, path, there))) continue;
      if (!/^\.{1,2}\//.test(specifier) || !PLAIN.test(path) || !there.has(path)) return "maybe";
      if (seen.has(path)) continue;
      seen.add(path);
      const text = Buffer.from(await extension.read(path)).toString("latin1");
      if (isCommonJs(text)) return "maybe";
      open.push({ path, imports: importsOf(text) });
    }
  }
  return "no";
}

function isCommonJs(text: string): boolean {
  return text.includes("exports") || text.includes("require") ? COMMON_JS.test(text) && !ASKS.test(text) : false;
}

function importsOf(text: string): Import[] {
  if (!text.includes("import") && !text.includes("export")) return [];
  const all = (pattern: RegExp, dynamic: boolean) =>
    [...text.matchAll(pattern)].map(([, , specifier = ""]) => ({ specifier, dynamic }));
  return [...all(STATIC, false), ...all(DYNAMIC, true)];
}

/** Whether a path is that of a file of the extension, and a name that of a package of its own. */
async function leadsSomewhere(
  extension: Extension,
  specifier: string,
  path: string,
  there: ReadonlySet<string>,
): Promise<boolean> {
  if (/^\.{1,2}\//.test(specifier)) return [...there].some((file) => file === path || file.startsWith(`${path}.`));
  const [name] = PACKAGE.exec(specifier) ?? [];
  if (name === undefined) return false;
  return extension.read(`node_modules/${name}/package.json`).then(
    () => true,
    () => false,
  );
}

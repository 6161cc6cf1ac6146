import { posix } from "node:path";
import { badManifest, type Extension } from "extruntime/engine";

/** The JavaScript of an extension: its module, and the files that it reaches by relative imports. */
export interface Sources {
  /** Path of the manifest's module. */
  readonly main: string;
  /** Source text by path, read ahead: engines ask for it synchronously. */
  readonly files: ReadonlyMap<string, string>;
}

/**
 * A relative path in an `import` or `export … from`, or in an `import()` of a literal. It may find too much (in a
 * comment, say): a file that is read and not used costs its size.
 */
const IMPORTS = /\b(?:from|import)\s*\(?\s*(["'])(\.{1,2}\/[^"'\n]+)\1/g;
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Reads the module and all files that it reaches by relative imports inside the extension. */
export async function readSources(extension: Extension): Promise<Sources> {
  const main = extension.manifest.module;
  if (main === undefined || !/\.m?js$/.test(main))
    throw badManifest(
      extension.location,
      `"module" must name a .js or .mjs file for the runtime ${extension.manifest.runtime}`,
    );
  const files = new Map<string, string>();
  const wanted = [main];
  for (const path of wanted) {
    const source = await readText(extension, path);
    files.set(path, source);
    for (const target of await importsOf(extension, path, source)) if (!wanted.includes(target)) wanted.push(target);
  }
  return { main, files };
}

/** The path that a relative specifier means; any other specifier as it is, which names no file of an extension. */
export function resolveImport(base: string, specifier: string): string {
  return /^\.{1,2}\//.test(specifier) ? posix.join(posix.dirname(base), specifier) : specifier;
}

async function importsOf(extension: Extension, path: string, source: string): Promise<string[]> {
  const targets = [...source.matchAll(IMPORTS)].map(([, , specifier = ""]) => resolveImport(path, specifier));
  if (targets.length === 0) return targets;
  const there = new Set(await extension.list());
  return targets.filter((target) => there.has(target));
}

async function readText(extension: Extension, path: string): Promise<string> {
  const bytes = await extension.read(path);
  let source: string;
  try {
    source = UTF8.decode(bytes);
  } catch (error) {
    throw badManifest(extension.location, `${path} is not UTF-8 text`, error);
  }
  if (source.includes("\0")) throw badManifest(extension.location, `${path} contains a NUL character`);
  return source;
}

import { posix } from "node:path";
import { badManifest, type Extension } from "extruntime/engine";

/** The JavaScript files that an extension's module may import, by path, read ahead since QuickJS asks for them synchronously. */
export interface Sources {
  /** Path of the manifest's module. */
  readonly main: string;
  readonly files: ReadonlyMap<string, string>;
}

/**
 * A relative path in an `import` or `export … from`, or in an `import()` of a literal. It may find too much (in a
 * comment, say): a file that is read and not used costs its size.
 */
const IMPORTS = /\b(?:from|import)\s*\(?\s*(["'])(\.{1,2}\/[^"'\n]+)\1/g;
const DECODER = new TextDecoder("utf-8", { fatal: true });

/** Reads the module and all files that it reaches by relative imports inside the extension. */
export async function readSources(extension: Extension): Promise<Sources> {
  const main = extension.manifest.module;
  if (main === undefined || !/\.m?js$/.test(main))
    throw badManifest(
      extension.location,
      `"module" must name a .js or .mjs file for the runtime ${extension.manifest.runtime}`,
    );
  const files = new Map<string, string>();
  let known: Set<string> | undefined;
  const wanted = [main];
  for (const path of wanted) {
    const source = await readSource(extension, path);
    files.set(path, source);
    for (const [, , specifier = ""] of source.matchAll(IMPORTS)) {
      known ??= new Set(await extension.list());
      const target = resolveImport(path, specifier);
      if (known.has(target) && !wanted.includes(target)) wanted.push(target);
    }
  }
  return { main, files };
}

/** The path that a relative specifier means; any other specifier as it is, which names no file of an extension. */
export function resolveImport(base: string, specifier: string): string {
  return /^\.{1,2}\//.test(specifier) ? posix.join(posix.dirname(base), specifier) : specifier;
}

async function readSource(extension: Extension, path: string): Promise<string> {
  let source: string;
  try {
    source = DECODER.decode(await extension.read(path));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw badManifest(extension.location, `${path} is not UTF-8 text`, error);
  }
  if (source.includes("\0")) throw badManifest(extension.location, `${path} contains a NUL character`);
  return source;
}

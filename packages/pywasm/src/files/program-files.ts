import { readdir, readFile } from "node:fs/promises";
import { isAbsolute, join, resolve, sep } from "node:path";
import { type FileNode, type Folder, putFile } from "@extruntime/wasm/machine";
import { badManifest, type Extension } from "extruntime/engine";

/** Where a program sees its own files, and the folders of `python.path`. */
const OWN = "app";
const SITE = "site";

/** What a program sees of files, and where it finds modules. */
export interface ProgramFiles {
  readonly root: Folder;
  /** Path of its main file. */
  readonly main: string;
  /** Paths for `sys.path` behind that of the main file. */
  readonly paths: readonly string[];
}

/** @throws ExtensionError `ERR_EXT_BAD_MANIFEST` for a folder of `python.path` that cannot be read. */
export async function readProgramFiles(
  extension: Extension,
  module: string,
  standardLibrary: Folder,
): Promise<ProgramFiles> {
  const own = new Map<string, FileNode>();
  await Promise.all((await extension.list()).map(async (path) => putFile(own, path, await extension.read(path))));
  const root = new Map<string, FileNode>([
    ["lib", standardLibrary],
    [OWN, own],
  ]);
  const paths: string[] = [];
  const wanted = extension.manifest.settings.path;
  for (const [i, folder] of (Array.isArray(wanted) ? (wanted as string[]) : []).entries()) {
    const place = `/${SITE}/${i}`;
    const wheels = await addFolder(root, place, folderOf(extension, folder), extension);
    paths.push(place, ...wheels.map((wheel) => `${place}/${wheel}`));
  }
  return { root, main: `/${OWN}/${module}`, paths };
}

function folderOf(extension: Extension, path: string): string {
  if (isAbsolute(path)) return path;
  if (extension.dir !== undefined) return resolve(extension.dir, path);
  throw badManifest(
    extension.location,
    `"python.path" must be absolute in an extension that has no folder, and is ${path}`,
  );
}

/** Reads a folder of packages into the tree, and returns the wheels in it, which Python imports as they are. */
async function addFolder(
  root: Map<string, FileNode>,
  place: string,
  folder: string,
  extension: Extension,
): Promise<string[]> {
  try {
    const paths = await readdir(folder, { recursive: true });
    for (const path of paths.filter((each) => !each.endsWith(".pyc"))) {
      const bytes = await readFile(join(folder, path)).catch(noFolder);
      if (bytes !== undefined) putFile(root, `${place}/${path.replaceAll(sep, "/")}`, bytes);
    }
    return paths.filter((path) => path.endsWith(".whl") && !path.includes(sep)).sort();
  } catch (error) {
    throw badManifest(extension.location, `"python.path" names ${folder}, which cannot be read: ${String(error)}`);
  }
}

function noFolder(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== "EISDIR") throw error;
}

import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { badManifest, type Extension } from "extruntime/engine";

/** A virtual environment that the running CPython can use. */
export interface Venv {
  readonly prefix: string;
  readonly sitePackages: readonly string[];
}

/** The folder that `python.venv` names: relative to the extension's own. */
export function venvPrefix(extension: Extension): string | undefined {
  const { venv } = extension.manifest.settings;
  return typeof venv === "string" ? folderOf(extension, venv, '"python.venv"') : undefined;
}

/** A folder that the manifest names, as an absolute path. */
export function folderOf(extension: Extension, path: string, what: string): string {
  if (isAbsolute(path)) return path;
  if (extension.dir !== undefined) return resolve(extension.dir, path);
  throw badManifest(extension.location, `${what} must be absolute in an extension that has no folder, and is ${path}`);
}

/**
 * Looks up a virtual environment and checks that it was made for this version.
 *
 * @throws ExtensionError `ERR_EXT_BAD_MANIFEST` with how to make the right one.
 */
export function openVenv(prefix: string, extension: Extension, version: string, freeThreaded: boolean): Venv {
  const config = join(prefix, "pyvenv.cfg");
  const remedy = `make one with: python${version}${freeThreaded ? "t" : ""} -m venv ${prefix}`;
  if (!existsSync(config))
    throw badManifest(extension.location, `"python.venv" names ${prefix}, which is no virtual environment; ${remedy}`);
  const made = /^\s*version(?:_info)?\s*=\s*(\d+\.\d+)/m.exec(readFileSync(config, "utf8"))?.[1];
  if (made !== version)
    throw badManifest(
      extension.location,
      `"python.venv" was made for CPython ${made ?? "of an unknown version"}, and this process runs ${version}; ${remedy}`,
    );
  const name = `python${version}${freeThreaded ? "t" : ""}`;
  const sitePackages = ["lib", "lib64"].map((lib) => join(prefix, lib, name, "site-packages"));
  const found = sitePackages.filter((folder) => existsSync(folder)).slice(0, 1);
  if (found.length === 0)
    throw badManifest(
      extension.location,
      `"python.venv" has no ${sitePackages[0]}, the packages of ${name}; ${remedy}`,
    );
  return { prefix, sitePackages: found };
}

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Module } from "../contract/runtime.ts";
import { ExtensionError } from "../errors.ts";

/** What became of each folder of `loadDir`, in name order. */
export interface LoadReport {
  /** The extensions that loaded. */
  readonly loaded: readonly Module[];
  /** The folders whose extension did not. */
  readonly failed: readonly LoadFailure[];
}

/** A folder whose extension did not load. */
export interface LoadFailure {
  /** Path of the folder. */
  readonly dir: string;
  /** Why: what a policy function threw is its `cause`. */
  readonly error: ExtensionError;
}

/** What became of one folder. */
export type FolderLoad = { readonly dir: string } & ({ readonly module: Module } | { readonly error: ExtensionError });

export function reportOf(loads: readonly FolderLoad[]): LoadReport {
  return {
    loaded: loads.flatMap((load) => ("module" in load ? [load.module] : [])),
    failed: loads.flatMap((load) => ("error" in load ? [{ dir: load.dir, error: load.error }] : [])),
  };
}

/** @throws TypeError for what is neither a path nor a `file:` URL. */
export function folderPath(dir: unknown): string {
  if (dir instanceof URL) return fileURLToPath(dir);
  if (typeof dir === "string") return dir;
  throw new TypeError(
    `the folder of extensions is given by its path or file URL, and is ${dir === null ? "null" : typeof dir}`,
  );
}

/**
 * The folders in `dir`, in name order.
 *
 * @throws ExtensionError `ERR_EXT_NOT_FOUND`
 */
export async function foldersOf(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: unknown) => {
    throw new ExtensionError(
      "ERR_EXT_NOT_FOUND",
      `${dir === "" ? '""' : dir}: the folder of extensions cannot be read: ${(error as Error).message}`,
      { cause: error },
    );
  });
  return entries
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .map((entry) => join(dir, entry.name))
    .sort();
}

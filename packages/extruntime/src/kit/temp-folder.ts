import { lstatSync, mkdirSync, mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { ExtensionError } from "../errors.ts";

/** How the name of a worker's own folder begins, which is the `TMPDIR` of its guests. */
export const WORKER_PREFIX = "extruntime-worker-";

/** Folders that were there once: those may be made again. */
const seen = new Set<string>();

/**
 * Makes a new folder in the system's temporary folder (`TMPDIR`, else `/tmp`), and returns its real path. A temporary folder that a
 * cleaner has removed since this process used it is made again; one that was never there is the operator's to make.
 *
 * @throws ExtensionError `ERR_EXT_UNSUPPORTED`, which names the folder and the remedy.
 */
export function makeTempFolder(prefix: string): string {
  const base = resolve(tmpdir());
  try {
    return makeIn(base, prefix);
  } catch (cause) {
    throw tempFolderError(base, cause);
  }
}

/** What to throw where temporary files cannot be written in `folder`. */
export function tempFolderError(folder: string, cause: unknown): ExtensionError {
  const why = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
  return new ExtensionError(
    "ERR_EXT_UNSUPPORTED",
    `no temporary files can be made in ${folder} (${why}): set TMPDIR to the path of a folder that exists, has room and can be written to`,
    { cause },
  );
}

function makeIn(base: string, prefix: string): string {
  try {
    const folder = mkdtempSync(join(realpathSync(base), prefix));
    seen.add(base);
    return folder;
  } catch (error) {
    const removed = (error as NodeJS.ErrnoException).code === "ENOENT" && wasThere(base);
    if (!removed) throw error;
    mkdirSync(dirname(base), { recursive: true });
    // Not with `recursive`: a folder that somebody else made there meanwhile is not to be trusted.
    mkdirSync(base, { mode: 0o700 });
    return mkdtempSync(join(realpathSync(base), prefix));
  }
}

function wasThere(base: string): boolean {
  return seen.has(base) || basename(base).startsWith(WORKER_PREFIX);
}

/** Tells a folder from another one that was made later under the same name. `undefined`: there is none. */
export function identity(folder: string): string | undefined {
  try {
    const { dev, ino, uid, mode } = lstatSync(folder);
    return [dev, ino, uid, mode].join(":");
  } catch {
    return undefined;
  }
}

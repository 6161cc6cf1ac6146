import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { sep } from "node:path";

/** What is wrong with a file, for the end of a message that names it. */
export class FileFault extends Error {
  /** Whether there is no such file at all. */
  readonly missing: boolean;

  constructor(message: string, missing = false) {
    super(message);
    this.missing = missing;
  }
}

/**
 * Bytes of a file that may be a stranger's: lines of it are shown, in logs that others read, so a link from the folder to a file elsewhere is refused; and what is
 * no file, such as a pipe, is not waited for.
 *
 * @param folder that it must lie in; anywhere without.
 * @throws FileFault
 */
export async function readOwnFile(path: string, folder: string | undefined, maxBytes: number): Promise<Buffer> {
  try {
    const real = await realpath(path);
    if (folder !== undefined && !isBelow(await realpath(folder), real))
      throw new FileFault("is a symbolic link that leads outside the folder");
    const handle = await open(real, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const status = await handle.stat();
      if (!status.isFile()) throw new FileFault("is not a file");
      if (status.size > maxBytes) throw new FileFault(`is larger than ${maxBytes / 2 ** 20} MiB`);
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof FileFault) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new FileFault(`cannot be read: ${message}`, code === "ENOENT" || code === "ENOTDIR");
  }
}

function isBelow(root: string, path: string): boolean {
  return path.startsWith(root.endsWith(sep) ? root : root + sep);
}

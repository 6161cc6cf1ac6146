import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  read,
  readlinkSync,
  readSync,
  realpathSync,
} from "node:fs";
import { join, sep } from "node:path";

/**
 * Files of a folder that a stranger may change at any time: each is opened once, what was opened is looked at, and that is what is
 * read. A path that is looked at first and opened then leads wherever it leads by then.
 */

/** The most that one file may have. */
export const MOST_FILE_BYTES = 256 * 2 ** 20;
/** A file this small is read on the spot: Node's asynchronous way goes through its threads five times, which takes far longer. */
const MOST_BYTES_AT_ONCE = 64 << 10;
const PIECE_BYTES = 8 << 20;

/** Opens no link, and waits for no pipe. Windows has neither flag. */
const PLAINLY = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const HAS_FLAGS = constants.O_NOFOLLOW !== undefined;
/** A file that does not fill it is a small one. */
const room = Buffer.allocUnsafeSlow(MOST_BYTES_AT_ONCE + 1);

/** What is wrong with a path, for the end of a message that names it. */
export class FileProblem extends Error {}

/**
 * A small file that lies in the folder itself, in memory that the next one will use again. `undefined` for whatever else it may
 * be: a large file, an empty one, a link, none at all. Looking at each file before it is read would take twice as long.
 */
export function readSmall(root: string, path: string): Buffer | undefined {
  if (!HAS_FLAGS || path.includes("/")) return undefined;
  const joined = join(root, path);
  let file: number | undefined;
  try {
    file = openSync(joined, PLAINLY);
    // At a place in it: what is no file has none.
    const size = readSync(file, room, 0, room.length, 0);
    if (size === 0 || size === room.length) return undefined;
    // Its folder may have been changed for a link since its own path was found.
    return (placeOf(file) ?? joined) === joined ? room.subarray(0, size) : undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** A file that is open, and lies below the folder that it was opened in. */
export class OpenedFile {
  readonly size: number;
  /** Its real path, when it was opened. */
  readonly path: string;
  readonly #file: number;

  /**
   * @param root real path of the folder.
   * @throws FileProblem for what leads outside, or is no file; an error of Node's where there is nothing, or nothing to be read.
   */
  constructor(root: string, path: string) {
    // Most files lie in the folder itself and are no links. Whatever this is by the next line, it is looked at once more then.
    const joined = join(root, path);
    const real = path.includes("/") || lstatSync(joined).isSymbolicLink() ? realpathSync.native(joined) : joined;
    if (!isBelow(root, real)) throw new FileProblem(OUTSIDE);
    this.#file = openSync(real, PLAINLY);
    try {
      const status = fstatSync(this.#file);
      if (!isBelow(root, placeOf(this.#file) ?? sameFile(joined, status) ?? sep)) throw new FileProblem(OUTSIDE);
      if (!status.isFile()) throw new FileProblem("is not a file");
      this.size = status.size;
      this.path = real;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Its bytes, as many as it had when it was opened at the most. */
  readNow(): Buffer {
    const bytes = this.#roomFor();
    let have = 0;
    while (have < bytes.length) {
      const count = readSync(this.#file, bytes, have, bytes.length - have, have);
      if (count === 0) break;
      have += count;
    }
    return bytes.subarray(0, have);
  }

  /** The same in the background, for a large file. */
  async read(): Promise<Buffer> {
    if (this.size <= MOST_BYTES_AT_ONCE) return this.readNow();
    const bytes = this.#roomFor();
    let have = 0;
    while (have < bytes.length) {
      const count = await this.#readPiece(bytes, have);
      if (count === 0) break;
      have += count;
    }
    return bytes.subarray(0, have);
  }

  #roomFor(): Buffer {
    if (this.size > MOST_FILE_BYTES)
      throw new FileProblem(`has ${this.size} bytes, and a file of an extension may have ${MOST_FILE_BYTES}`);
    return Buffer.allocUnsafeSlow(this.size);
  }

  #readPiece(bytes: Buffer, at: number): Promise<number> {
    return new Promise((resolve, reject) =>
      read(this.#file, bytes, at, Math.min(PIECE_BYTES, bytes.length - at), at, (error, count) =>
        error === null ? resolve(count) : reject(error),
      ),
    );
  }
}

const OUTSIDE = "is a symbolic link that leads outside the folder";

function isBelow(root: string, path: string): boolean {
  return path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/** Where an open file lies by the kernel's own word; `undefined` where it does not say, as only Linux does. */
function placeOf(file: number): string | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    return readlinkSync(`/proc/self/fd/${file}`);
  } catch {
    return undefined;
  }
}

/** The real path of what a path leads to now, if that is the file which was opened. */
function sameFile(path: string, opened: { readonly dev: number; readonly ino: number }): string | undefined {
  const real = realpathSync.native(path);
  const { dev, ino } = lstatSync(real);
  return dev === opened.dev && ino === opened.ino ? real : undefined;
}

import {
  closeSync,
  constants,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { ExtensionError } from "./errors.ts";
import { badManifest, insidePath, type Manifest, type ManifestInput, parseManifest } from "./manifest.ts";

/** An extension kept in memory: its manifest (a value or JSON text) and its files by relative path. */
export interface ExtensionFiles {
  readonly manifest: ManifestInput | string;
  readonly files: Readonly<Record<string, string | Uint8Array>>;
}

/** Where an extension comes from: the path or `file:` URL of its folder, or its files in memory. */
export type ExtensionSource = string | URL | ExtensionFiles;

/** An extension whose manifest was read and validated, and whose module file is there. */
export interface Extension {
  readonly manifest: Manifest;
  /** What messages call it: path of the manifest, or `memory:<name>`. */
  readonly location: string;
  /** Real path of the folder; `undefined` for one kept in memory. */
  readonly dir: string | undefined;
  /** Bytes of one of its files. Throws `ERR_EXT_BAD_MANIFEST` for a path that leaves the folder, by links too, or that is no file. */
  read(path: string): Promise<Uint8Array>;
  /** Relative paths of all its files, sorted, with forward slashes; links that leave the folder, and `node_modules`, are left out. */
  list(): Promise<string[]>;
}

export const MANIFEST_FILE = "extension.json";
/** A manifest is written by hand; a larger one is a mistake or an attack. */
const MAX_MANIFEST_BYTES = 1 << 20;
/** A file this small is read on the spot: Node's asynchronous way goes through its threads five times, which takes far longer. */
const MOST_BYTES_AT_ONCE = 64 << 10;

/** Opens no link, and waits for no pipe. Windows has neither flag. */
const PLAINLY = constants.O_NOFOLLOW === undefined ? undefined : constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** A file that does not fill it is a small one. */
const room = Buffer.allocUnsafeSlow(MOST_BYTES_AT_ONCE + 1);

/**
 * A small file that lies in the folder itself, in memory that the next one will use again. `undefined` for whatever else it may
 * be: a large file, an empty one, a link, none at all. Looking at each file before it is read would take twice as long.
 */
function readSmall(root: string, path: string): Buffer | undefined {
  if (PLAINLY === undefined || path.includes("/")) return undefined;
  let file: number | undefined;
  try {
    file = openSync(join(root, path), PLAINLY);
    // At a place in it: what is no file has none.
    const size = readSync(file, room, 0, room.length, 0);
    return size > 0 && size < room.length ? room.subarray(0, size) : undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Reads and validates an extension. An `Extension` is returned as it is. */
export async function openExtension(source: ExtensionSource | Extension): Promise<Extension> {
  if (typeof source === "string") return openFolder(source);
  if (source instanceof URL) return openFolder(fileURLToPath(source));
  if (typeof source !== "object" || source === null)
    throw new TypeError("an extension is the path or file URL of a folder, or { manifest, files }");
  if ("read" in source) return source;
  return openMemory(source);
}

async function openFolder(path: string): Promise<Extension> {
  const location = join(path, MANIFEST_FILE);
  let root: string;
  let text: string;
  try {
    root = realpathSync.native(path);
    text = readSmall(root, MANIFEST_FILE)?.toString("utf8") ?? readManifest(root, location);
  } catch (error) {
    throw unreadable(error, location);
  }
  const manifest = parseManifest(text, location);
  return new FolderExtension(manifest, location, root);
}

function readManifest(root: string, location: string): string {
  const { path, status } = contained(root, MANIFEST_FILE, location);
  // A pipe would be waited for, and with it the host.
  if (!status.isFile()) throw badManifest(location, "is not a file");
  if (status.size > MAX_MANIFEST_BYTES) throw badManifest(location, "is larger than 1 MiB");
  return readFileSync(path, "utf8");
}

function unreadable(error: unknown, location: string): Error {
  if (error instanceof ExtensionError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR")
    return new ExtensionError(
      "ERR_EXT_NO_MANIFEST",
      `${location}: there is no such file; an extension is a folder with an ${MANIFEST_FILE}`,
      { cause: error },
    );
  return badManifest(location, `cannot be read: ${(error as Error).message}`, error);
}

/** The real path of `path` under the real path `root`, and what is there. Refuses what leaves it, symbolic links included. */
function contained(root: string, path: string, location: string): { path: string; status: Stats } {
  const joined = join(root, path);
  if (!path.includes("/")) {
    // Most files lie in the folder itself, and one look tells that such a one is no link.
    const status = lstatSync(joined);
    if (!status.isSymbolicLink()) return { path: joined, status };
  }
  const real = realpathSync.native(joined);
  if (!real.startsWith(root.endsWith(sep) ? root : root + sep))
    throw badManifest(location, `${JSON.stringify(path)} is a symbolic link that leads outside the folder`);
  return { path: real, status: statSync(real) };
}

interface FoundFile {
  readonly path: string;
  readonly size: number;
}

class FolderExtension implements Extension {
  readonly manifest: Manifest;
  readonly location: string;
  readonly dir: string;
  /** The module file, until it is asked for: its bytes, or where it was found. */
  #module: Uint8Array | FoundFile | undefined;

  /** @throws ExtensionError `ERR_EXT_BAD_MANIFEST` where its module is no file of it. */
  constructor(manifest: Manifest, location: string, dir: string) {
    this.manifest = manifest;
    this.location = location;
    this.dir = dir;
    const { module } = manifest;
    if (module === undefined) return;
    const small = readSmall(dir, module);
    this.#module = small === undefined ? this.resolve(module, '"module"') : Buffer.from(small);
  }

  resolve(path: string, what = JSON.stringify(path)): FoundFile {
    const inside = insidePath(path, this.location, what);
    try {
      const { path: real, status } = contained(this.dir, inside, this.location);
      if (!status.isFile()) throw badManifest(this.location, `${what} names ${inside}, which is not a file`);
      return { path: real, size: status.size };
    } catch (error) {
      if (error instanceof ExtensionError) throw error;
      throw badManifest(
        this.location,
        `${what} names ${inside}, which cannot be read: ${(error as Error).message}`,
        error,
      );
    }
  }

  async read(path: string): Promise<Uint8Array> {
    const found = (path === this.manifest.module && this.#module) || this.resolve(path);
    this.#module = undefined;
    if (found instanceof Uint8Array) return found;
    return found.size > MOST_BYTES_AT_ONCE ? readFile(found.path) : readFileSync(found.path);
  }

  async list(): Promise<string[]> {
    const found: string[] = [];
    const entries = await readdir(this.dir, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      const path = relative(this.dir, join(entry.parentPath, entry.name)).split(sep).join("/");
      if (path.split("/").includes("node_modules")) continue;
      if (entry.isFile() || (entry.isSymbolicLink() && this.#leadsToFile(path))) found.push(path);
    }
    return found.sort();
  }

  #leadsToFile(path: string): boolean {
    try {
      this.resolve(path);
      return true;
    } catch {
      return false;
    }
  }
}

function openMemory(source: ExtensionFiles): Extension {
  const location = `memory:${nameIn(source.manifest)}`;
  const manifest = parseManifest(source.manifest, location);
  const files = new Map<string, string | Uint8Array>();
  for (const [path, content] of Object.entries(source.files ?? {}))
    files.set(insidePath(path, location, `the file ${JSON.stringify(path)}`), content);
  if (manifest.module !== undefined && !files.has(manifest.module))
    throw badManifest(
      location,
      `"module" names ${manifest.module}, which is not among its files: ${[...files.keys()].join(", ") || "none"}`,
    );
  return {
    manifest,
    location,
    dir: undefined,
    async read(path) {
      const content = files.get(insidePath(path, location, JSON.stringify(path)));
      if (content === undefined) throw badManifest(location, `${path} is not among its files`);
      return typeof content === "string" ? Buffer.from(content) : content;
    },
    async list() {
      return [...files.keys()].sort();
    },
  };
}

function nameIn(manifest: unknown): string {
  const name = typeof manifest === "object" && manifest !== null ? (manifest as { name?: unknown }).name : undefined;
  return typeof name === "string" ? name.slice(0, 128) : "?";
}

import { isUtf8 } from "node:buffer";
import { realpathSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ExtensionError } from "../errors.ts";
import { FileProblem, OpenedFile, readSmall } from "./folder-file.ts";
import { badManifest, insidePath, type Manifest, type ManifestInput, parseManifest } from "./manifest.ts";

/** An extension kept in memory: its manifest (a value or JSON text) and its files by relative path. */
export interface ExtensionFiles {
  /** What its `extension.json` would say. */
  readonly manifest: ManifestInput | string;
  /** Text or bytes by relative path, with forward slashes. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
}

/** Where an extension comes from: the path or `file:` URL of its folder, or its files in memory. */
export type ExtensionSource = string | URL | ExtensionFiles;

/** An extension whose manifest was read and validated, and whose module file is there. */
export interface Extension {
  /** Its manifest, validated. Frozen. */
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
/** Files and folders that are looked at to list an extension, `node_modules` left out. */
const MOST_LISTED = 10_000;

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
  let manifest: Manifest;
  try {
    root = realpathSync.native(path);
    manifest = parseManifest(manifestText(readSmall(root, MANIFEST_FILE) ?? readManifest(root), location), location);
  } catch (error) {
    throw unreadable(error, location);
  }
  const extension = new FolderExtension(manifest, location, root);
  await extension.readModule();
  return extension;
}

/** The extension in a folder whose manifest was read before. Its module is read when it is asked for. */
export function folderOf(manifest: Manifest, location: string, dir: string): Extension {
  return new FolderExtension(manifest, location, realpathSync.native(dir));
}

/** The text of its module, byte by byte, which stays at hand for whoever reads it next. */
export async function peekModule(extension: Extension): Promise<string> {
  const kept = extension instanceof FolderExtension ? extension.module : undefined;
  return Buffer.from(kept ?? (await extension.read(extension.manifest.module ?? ""))).toString("latin1");
}

/** The real path of a file of an extension, for who must read it by path: with the checks of `read`, at this moment. */
export function realPathOf(path: string, dir: string, location: string): string {
  const file = openFile(path, dir, location, JSON.stringify(path));
  file.close();
  return file.path;
}

/** Who calls it closes it. `what` names the path in messages. */
function openFile(path: string, dir: string, location: string, what: string): OpenedFile {
  const inside = insidePath(path, location, what);
  try {
    return new OpenedFile(dir, inside);
  } catch (error) {
    throw badFile(error, inside, location, what);
  }
}

function badFile(error: unknown, path: string, location: string, what: string): ExtensionError {
  const { message } = error as Error;
  if (error instanceof FileProblem) return badManifest(location, `${what} names ${path}, which ${message}`);
  return badManifest(location, `${what} names ${path}, which cannot be read: ${message}`, error);
}

function readManifest(root: string): Buffer {
  const file = new OpenedFile(root, MANIFEST_FILE);
  try {
    if (file.size > MAX_MANIFEST_BYTES) throw new FileProblem("is larger than 1 MiB");
    return file.readNow();
  } finally {
    file.close();
  }
}

function manifestText(bytes: Buffer, location: string): string {
  if (!isUtf8(bytes)) throw badManifest(location, "is not UTF-8 text");
  return bytes.toString("utf8");
}

function unreadable(error: unknown, location: string): Error {
  if (error instanceof ExtensionError) return error;
  if (error instanceof FileProblem) return badManifest(location, error.message);
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR")
    return new ExtensionError(
      "ERR_EXT_NO_MANIFEST",
      `${location}: there is no such file; an extension is a folder with an ${MANIFEST_FILE}`,
      { cause: error },
    );
  return badManifest(location, `cannot be read: ${(error as Error).message}`, error);
}

class FolderExtension implements Extension {
  readonly manifest: Manifest;
  readonly location: string;
  readonly dir: string;
  /** Bytes of the module file, read with the manifest, until they are asked for. */
  #module: Uint8Array | undefined;

  constructor(manifest: Manifest, location: string, dir: string) {
    this.manifest = manifest;
    this.location = location;
    this.dir = dir;
  }

  get module(): Uint8Array | undefined {
    return this.#module;
  }

  /** @throws ExtensionError `ERR_EXT_BAD_MANIFEST` where its module is no file of it. */
  async readModule(): Promise<void> {
    const { module } = this.manifest;
    if (module === undefined) return;
    const small = readSmall(this.dir, module);
    this.#module = small === undefined ? await this.#read(module, '"module"') : Buffer.from(small);
  }

  async read(path: string): Promise<Uint8Array> {
    const kept = path === this.manifest.module ? this.#module : undefined;
    this.#module = undefined;
    return kept ?? this.#read(path);
  }

  async list(): Promise<string[]> {
    const found: string[] = [];
    const folders = [""];
    let looked = 0;
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      for (const entry of await readdir(join(this.dir, folder), { withFileTypes: true })) {
        if (entry.name === "node_modules") continue;
        if (++looked > MOST_LISTED)
          throw badManifest(this.location, `its folder has more than ${MOST_LISTED} files and folders`);
        const path = folder + entry.name;
        if (entry.isDirectory()) folders.push(`${path}/`);
        else if (entry.isFile() || (entry.isSymbolicLink() && this.#leadsToFile(path))) found.push(path);
      }
    }
    return found.sort();
  }

  async #read(path: string, what = JSON.stringify(path)): Promise<Uint8Array> {
    const file = openFile(path, this.dir, this.location, what);
    try {
      return await file.read();
    } catch (error) {
      throw badFile(error, path, this.location, what);
    } finally {
      file.close();
    }
  }

  #leadsToFile(path: string): boolean {
    try {
      openFile(path, this.dir, this.location, path).close();
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

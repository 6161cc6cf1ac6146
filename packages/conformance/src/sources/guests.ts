import { existsSync, readdirSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { ExtensionFiles, ManifestInput } from "extruntime";
import { kitGuests } from "./index.ts";
import type { KitGuest } from "./kit-guest.ts";

const MANIFEST_FILE = "extension.json";

/** Guests that the kit asks for, beside those that a capability asks for; `docs/conformance.md` says what each does. */
export const BASIC_GUESTS = ["echo", "throw", "counter", "print", "undefined", "big", "many", "recurse"] as const;

/** The guests of one language: the caller's folder first, then the kit's own. */
export class Guests {
  readonly #folder: string | undefined;
  readonly #own: ReadonlyMap<string, KitGuest>;
  readonly #runtime: string;

  constructor(folder: string | undefined, language: string, runtime: string) {
    this.#folder = folder;
    this.#own = kitGuests(language);
    this.#runtime = runtime;
  }

  names(): string[] {
    const folder = this.#folder;
    const given = folder === undefined ? [] : readdirSync(folder).filter((name) => isExtension(join(folder, name)));
    return [...new Set([...given, ...this.#own.keys()])].sort();
  }

  /** What `load` takes: the folder of a caller's guest, files in memory for one of the kit. */
  source(name: string): string | ExtensionFiles {
    const folder = this.#folderOf(name);
    if (folder !== undefined) return folder;
    const own = this.#own.get(name);
    if (own !== undefined) return inMemory(own, name, this.#runtime);
    throw new Error(
      `the guest ${JSON.stringify(name)} is missing: put a folder of that name with an ${MANIFEST_FILE} into ${this.#folder ?? "a folder of guests for this language"}; docs/conformance.md says what it must do`,
    );
  }

  /** The same in memory, with members of its manifest replaced. */
  async files(name: string, manifest: Partial<ManifestInput> = {}): Promise<ExtensionFiles> {
    const source = this.source(name);
    const files = typeof source === "string" ? await readFolder(source) : source;
    return { manifest: { ...(files.manifest as ManifestInput), ...manifest }, files: files.files };
  }

  #folderOf(name: string): string | undefined {
    if (this.#folder === undefined) return undefined;
    const folder = join(this.#folder, name);
    return isExtension(folder) ? folder : undefined;
  }
}

export interface FilesInMemory extends ExtensionFiles {
  readonly manifest: ManifestInput;
}

/** An extension of the kit's own, kept in memory. */
export function inMemory(guest: KitGuest, name: string, runtime: string): FilesInMemory {
  return {
    manifest: {
      name: name.replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 100),
      runtime,
      module: guest.module,
      exports: [...guest.exports],
    },
    files: guest.files,
  };
}

export async function readFolder(folder: string): Promise<ExtensionFiles> {
  const files: Record<string, Uint8Array> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files[relative(folder, path).split(sep).join("/")] = await readFile(path);
  }
  const { [MANIFEST_FILE]: manifest, ...others } = files;
  return { manifest: JSON.parse(Buffer.from(manifest ?? []).toString("utf8")) as ManifestInput, files: others };
}

function isExtension(folder: string): boolean {
  return existsSync(join(folder, MANIFEST_FILE));
}

/** Guests that loop for ever; in builtins only where these can be stopped. */
export function loopsOf(guests: readonly string[], hard: boolean): string[] {
  return guests.filter((name) => name.startsWith("loop") && (hard || !name.startsWith("loop-native")));
}

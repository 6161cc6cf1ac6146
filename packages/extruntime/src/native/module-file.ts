import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { identity, makeTempFolder, tempFolderError } from "../kit/temp-folder.ts";
import { type Extension, realPathOf } from "../manifest/extension.ts";

/** A module where Node's loader finds it. */
export interface ModuleFile {
  /**
   * Its `file:` URL, without query. To be asked for before each import: it may change.
   *
   * @throws ExtensionError `ERR_EXT_BAD_MANIFEST` where it is no file of its folder any more. Node reads it by this path a moment later: who can
   * write to the folder can change it in between, as it can change whatever the module imports.
   */
  url(): Promise<string>;
  remove(): Promise<void>;
}

/** The module of an extension as a file: its own, or for one kept in memory a copy in a temporary folder, so that its relative imports work. */
export async function placeModule(extension: Extension): Promise<ModuleFile> {
  const module = extension.manifest.module ?? "";
  const { dir, location } = extension;
  if (dir !== undefined)
    return { url: async () => pathToFileURL(realPathOf(module, dir, location)).href, remove: async () => {} };
  const copy = new TemporaryCopy(extension, module);
  await copy.url();
  return copy;
}

/** Systems remove temporary files that are old, so it keeps the extension, to write them again. */
class TemporaryCopy implements ModuleFile {
  readonly #extension: Extension;
  readonly #module: string;
  #folder: string | undefined;
  #identity: string | undefined;
  #paths: readonly string[] = [];
  #making: Promise<string> | undefined;

  constructor(extension: Extension, module: string) {
    this.#extension = extension;
    this.#module = module;
  }

  async url(): Promise<string> {
    const folder = this.#whole() ? this.#folder! : await this.#make();
    return pathToFileURL(join(folder, this.#module)).href;
  }

  async remove(): Promise<void> {
    await this.#making?.catch(() => {});
    if (this.#folder !== undefined && identity(this.#folder) === this.#identity)
      await rm(this.#folder, { recursive: true, force: true });
  }

  /** Under the name of a folder that was removed anybody may have made another. */
  #whole(): boolean {
    const folder = this.#folder;
    if (folder === undefined || identity(folder) !== this.#identity) return false;
    return this.#paths.every((path) => existsSync(join(folder, path)));
  }

  #make(): Promise<string> {
    this.#making ??= this.#write().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #write(): Promise<string> {
    if (this.#folder !== undefined && identity(this.#folder) === this.#identity)
      await rm(this.#folder, { recursive: true, force: true });
    const folder = makeTempFolder("extruntime-");
    try {
      const paths = await this.#extension.list();
      for (const path of paths) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), await this.#extension.read(path));
      }
      // Without it a `.js` file would be taken for CommonJS.
      await writeFile(join(folder, "package.json"), '{ "type": "module" }\n', { flag: "wx" }).catch(ifThere);
      this.#paths = [...paths, "package.json"];
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw (error as NodeJS.ErrnoException).syscall === undefined ? error : tempFolderError(dirname(folder), error);
    }
    this.#folder = folder;
    this.#identity = identity(folder);
    return folder;
  }
}

function ifThere(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}

import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Extension } from "../extension.ts";

/** A module where Node's loader finds it. */
export interface ModuleFile {
  /** Its `file:` URL, without query. */
  readonly url: string;
  remove(): Promise<void>;
}

/** The module of an extension as a file: its own, or for one kept in memory a copy in a temporary folder, so that its relative imports work. */
export async function placeModule(extension: Extension): Promise<ModuleFile> {
  const module = extension.manifest.module ?? "";
  if (extension.dir !== undefined)
    return { url: pathToFileURL(join(extension.dir, module)).href, remove: async () => {} };
  const folder = await mkdtemp(join(await realpath(tmpdir()), "extruntime-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    for (const path of await extension.list()) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), await extension.read(path));
    }
    // Without it a `.js` file would be taken for CommonJS.
    await writeFile(join(folder, "package.json"), '{ "type": "module" }\n', { flag: "wx" }).catch(ifThere);
  } catch (error) {
    await remove();
    throw error;
  }
  return { url: pathToFileURL(join(folder, module)).href, remove };
}

function ifThere(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}

import { rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { makeTempFolder, WORKER_PREFIX } from "../../kit/temp-folder.ts";

/** Folders that are there. One listener removes them, since Node takes more than ten for a leak. */
const folders = new Set<string>();

function removeAll(): void {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
}

/**
 * A worker's folder for temporary files. It is the host's to remove: a worker that is ended cannot clean up. Where none can be made
 * the worker has the host's `TMPDIR`: most guests want no files, and one that does meets there what it would meet inline.
 */
export class WorkerFolder {
  readonly #own: string | undefined;

  constructor() {
    try {
      this.#own = makeTempFolder(WORKER_PREFIX);
      if (folders.size === 0) process.once("exit", removeAll);
      folders.add(this.#own);
    } catch {
      // As said above.
    }
  }

  get path(): string {
    return this.#own ?? tmpdir();
  }

  async remove(): Promise<void> {
    if (this.#own === undefined) return;
    if (folders.delete(this.#own) && folders.size === 0) process.removeListener("exit", removeAll);
    await rm(this.#own, { recursive: true, force: true }).catch(() => {});
  }
}

import { rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { makeTempFolder, WORKER_PREFIX } from "../temp-folder.ts";

/**
 * A worker's folder for temporary files. It is the host's to remove: a worker that is ended cannot clean up. Where none can be made
 * the worker has the host's `TMPDIR`: most guests want no files, and one that does meets there what it would meet inline.
 */
export class WorkerFolder {
  readonly #own: string | undefined;
  readonly #onExit = () => this.#own !== undefined && rmSync(this.#own, { recursive: true, force: true });

  constructor() {
    try {
      this.#own = makeTempFolder(WORKER_PREFIX);
      process.once("exit", this.#onExit);
    } catch {
      // As said above.
    }
  }

  get path(): string {
    return this.#own ?? tmpdir();
  }

  async remove(): Promise<void> {
    process.removeListener("exit", this.#onExit);
    if (this.#own !== undefined) await rm(this.#own, { recursive: true, force: true }).catch(() => {});
  }
}

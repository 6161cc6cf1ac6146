import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A worker's folder for temporary files. It is the host's to remove: a worker that is ended cannot clean up. */
export class WorkerFolder {
  readonly path = mkdtempSync(join(realpathSync(tmpdir()), "extruntime-worker-"));
  readonly #onExit = () => rmSync(this.path, { recursive: true, force: true });

  constructor() {
    process.once("exit", this.#onExit);
  }

  async remove(): Promise<void> {
    process.removeListener("exit", this.#onExit);
    await rm(this.path, { recursive: true, force: true });
  }
}

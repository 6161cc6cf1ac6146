import { createHash } from "node:crypto";
import type { ModuleBuilds } from "./module-builds.ts";
import type { ModuleShape } from "./module-shape.ts";

/** A module compiled under a memory limit. Without state, so any number of programs can share it. */
export interface CompiledModule {
  readonly builds: ModuleBuilds;
  readonly shape: ModuleShape;
  /** Pages (64 KiB) to which its memory can grow. */
  readonly maxPages: number;
}

/** A program's hold on a compiled module. */
export interface Lease {
  readonly compiled: CompiledModule;
  /** To be called once; the last one lets go of the compiled code. */
  release(): void;
}

interface Entry {
  readonly compiled: Promise<CompiledModule>;
  leases: number;
}

/**
 * Compiles each content once, however many extensions bring it. An entry lives as long as a program holds it, so the
 * cache is never larger than what is loaded.
 */
export class ModuleCache {
  readonly #entries = new Map<string, Entry>();

  /** Contents that are held now. */
  get size(): number {
    return this.#entries.size;
  }

  /** `pages` is part of the key, since the limit is written into the module. A failed compilation is not kept. */
  async lease(bytes: Uint8Array, pages: number, compile: () => Promise<CompiledModule>): Promise<Lease> {
    const key = `${pages}:${createHash("sha256").update(bytes).digest("base64")}`;
    const entry = this.#entries.get(key) ?? { compiled: compile(), leases: 0 };
    this.#entries.set(key, entry);
    entry.leases += 1;
    const release = () => this.#release(key, entry);
    try {
      return { compiled: await entry.compiled, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  #release(key: string, entry: Entry): void {
    entry.leases -= 1;
    if (entry.leases === 0) this.#entries.delete(key);
  }
}

import { access } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import type { FSWatcher } from "chokidar";
import type { Module } from "../contract/runtime.ts";
import { ExtensionError } from "../errors.ts";
import { type Extension, MANIFEST_FILE, openExtension } from "../manifest/extension.ts";
import { asRefusal } from "./policy.ts";

/** What became of a folder after one of its files changed. */
export type WatchEvent =
  | { readonly type: "loaded" | "replaced"; readonly dir: string; readonly module: Module }
  /** The folder, or its manifest, is gone, and its extension was closed. */
  | { readonly type: "removed"; readonly dir: string; readonly name: string }
  /** It did not load. What was loaded of it before goes on. */
  | { readonly type: "failed"; readonly dir: string; readonly error: ExtensionError };

/** How a folder is watched. */
export interface WatchOptions {
  /** Told of everything that happens from here on. */
  onEvent?: ((event: WatchEvent) => void) | undefined;
  /** Milliseconds without a further change of a folder's files before it is loaded. 100 by default, and 60 at the least. */
  settleMs?: number | undefined;
}

/** chokidar tells of no second change of a file within 50 ms: what it left out must be there when the folder is read. */
const LEAST_SETTLE_MS = 60;

/** What a watch wants of its host. */
export interface WatchedHost {
  load(extension: Extension, options: { replace: boolean }): Promise<Module>;
  get(name: string): Module | undefined;
}

/** Keeps the extensions of a host as the folders of one folder are. */
export class FolderWatch implements AsyncDisposable {
  readonly #dir: string;
  readonly #host: WatchedHost;
  readonly #onEvent: (event: WatchEvent) => void;
  readonly #settleMs: number;
  /** Names of the loaded extensions, by their folders. */
  readonly #names = new Map<string, string>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** Paths that changed before changes are carried out. */
  readonly #early = new Set<string>();
  /** The last change of each folder that is being carried out. */
  readonly #changes = new Map<string, Promise<void>>();
  #watcher: FSWatcher | undefined;
  #following = false;
  #closed = false;

  constructor(dir: string, host: WatchedHost, options: WatchOptions) {
    this.#dir = resolve(dir);
    this.#host = host;
    this.#onEvent = options.onEvent ?? (() => {});
    this.#settleMs = Math.max(options.settleMs ?? 100, LEAST_SETTLE_MS);
  }

  /** Resolves when no change from here on is missed. */
  async start(): Promise<void> {
    const { watch } = await import("chokidar");
    const watcher = watch(this.#dir, {
      ignoreInitial: true,
      ignored: (path) => path.split(sep).includes("node_modules"),
    });
    this.#watcher = watcher;
    watcher.on("all", (_event, path) => this.#changed(path));
    watcher.on("error", (error) =>
      this.#tell({ type: "failed", dir: this.#dir, error: cannotWatch(this.#dir, error) }),
    );
    await new Promise<void>((ready) => watcher.once("ready", ready));
  }

  /** An extension that is loaded already. */
  note(dir: string, name: string): void {
    this.#names.set(resolve(dir), name);
  }

  /** From now on changes are carried out, those since `start` too. */
  follow(): void {
    this.#following = true;
    for (const dir of this.#early) this.#changed(dir);
  }

  /** Ends the watch, and waits for what it is loading. The extensions stay loaded. May be called twice. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    await this.#watcher?.close();
    await Promise.all(this.#changes.values());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #changed(path: string): void {
    if (this.#closed) return;
    if (!this.#following) {
      this.#early.add(path);
      return;
    }
    const [folder] = relative(this.#dir, path).split(sep);
    if (folder === undefined || folder === "" || folder === "..") return;
    const dir = join(this.#dir, folder);
    clearTimeout(this.#timers.get(dir));
    this.#timers.set(
      dir,
      setTimeout(() => {
        this.#timers.delete(dir);
        this.#follow(dir);
      }, this.#settleMs),
    );
  }

  /** One after another for each folder, so that the last change wins. */
  #follow(dir: string): void {
    const change = (this.#changes.get(dir) ?? Promise.resolve()).then(() => this.#apply(dir));
    this.#changes.set(dir, change);
    change.then(() => {
      if (this.#changes.get(dir) === change) this.#changes.delete(dir);
    });
  }

  /** Never rejects. */
  async #apply(dir: string): Promise<void> {
    const before = this.#names.get(dir);
    try {
      if (!(await isThere(join(dir, MANIFEST_FILE)))) {
        this.#names.delete(dir);
        if (before !== undefined) this.#remove(dir, before);
        return;
      }
      const extension = await openExtension(dir);
      const { name } = extension.manifest;
      await this.#makeRoom(dir, name);
      const module = await this.#host.load(extension, { replace: before === name });
      this.#names.set(dir, name);
      this.#tell({ type: before === name ? "replaced" : "loaded", dir, module });
      if (before !== undefined && before !== name) this.#remove(dir, before);
    } catch (error) {
      this.#tell({ type: "failed", dir, error: asRefusal(error) });
    }
  }

  /** A folder that was renamed is one that came and one that went, in any order. */
  async #makeRoom(dir: string, name: string): Promise<void> {
    for (const [other, theirs] of this.#names) {
      if (other === dir || theirs !== name || (await isThere(join(other, MANIFEST_FILE)))) continue;
      this.#names.delete(other);
      this.#remove(other, name);
    }
  }

  #remove(dir: string, name: string): void {
    // Its running calls end on it; a folder's next change does not wait for them.
    this.#host
      .get(name)
      ?.close()
      .catch(() => {});
    this.#tell({ type: "removed", dir, name });
  }

  /** What a listener throws is not this watch's to handle: it is an uncaught exception, as an event emitter's would be. */
  #tell(event: WatchEvent): void {
    queueMicrotask(() => this.#onEvent(event));
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function cannotWatch(dir: string, cause: unknown): ExtensionError {
  return new ExtensionError("ERR_EXT_UNSUPPORTED", `${dir} cannot be watched: ${(cause as Error).message}`, { cause });
}

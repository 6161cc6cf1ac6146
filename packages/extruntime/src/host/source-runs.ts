import { createHash } from "node:crypto";
import { type CallFunctions, perCall } from "../contract/host-functions.ts";
import type { CloseOptions, InvokeOptions, Module, Runtime } from "../contract/runtime.ts";
import type { ExtensionFiles } from "../manifest/extension.ts";
import { ENDINGS } from "../manifest/known-engines.ts";
import type { Limits } from "../manifest/manifest.ts";

/** Source text to run, as a stored function is. */
export interface RunRequest extends InvokeOptions {
  /** The name of a runtime. */
  readonly runtime: string;
  /** Its code: text, or the bytes of a WebAssembly module. */
  readonly source: string | Uint8Array;
  /** The function of it that is called; `run` by default. */
  readonly fn?: string | undefined;
  /** Host functions of this run, by name. Others it has none. */
  readonly functions?: CallFunctions | undefined;
  /** As a manifest would have them: the host's policy bounds them. */
  readonly limits?: Limits | undefined;
  /** `true` lets runs of the same source use instances again, and find what others have left in its globals: as fast as a loaded module. */
  readonly share?: boolean | undefined;
}

/** Sources that are kept ready. */
const MOST_KEPT = 100;

export type LoadSource = (files: ExtensionFiles, runtime: Runtime, options: SourceOptions) => Promise<Module>;

/** What a source is loaded with beside the host's own. */
export interface SourceOptions {
  readonly fresh: boolean;
  readonly hostFunctions: Readonly<Record<string, typeof perCall>>;
}

/** Sources that were run lately, each compiled once. */
export class SourceRuns {
  readonly #load: LoadSource;
  /** By content; the one used last comes last. */
  readonly #kept = new Map<string, Promise<Module>>();
  readonly #ending = new Set<Promise<void>>();

  constructor(load: LoadSource) {
    this.#load = load;
  }

  async run<Result>(request: RunRequest, runtime: Runtime, value: unknown): Promise<Result> {
    const { fn = "run", context, functions = {}, signal, timeoutMs } = request;
    for (;;) {
      const module = await this.#module(request, runtime, fn, functions);
      // It may have had to give way to others while it was waited for.
      if (!module.closed) return module.call<Result>(fn, value, { context, functions, signal, timeoutMs });
    }
  }

  async close(options: CloseOptions): Promise<void> {
    const kept = [...this.#kept.values()];
    this.#kept.clear();
    await Promise.all([...kept.map((module) => end(module, options)), ...this.#ending]);
  }

  #module(request: RunRequest, runtime: Runtime, fn: string, functions: CallFunctions): Promise<Module> {
    const permissions = Object.keys(functions).sort();
    const key = keyOf(request, fn, permissions);
    let kept = this.#kept.get(key);
    this.#kept.delete(key);
    if (kept === undefined) {
      kept = this.#load(filesOf(request, runtime, key, fn, permissions), runtime, {
        fresh: request.share !== true,
        hostFunctions: Object.fromEntries(permissions.map((name) => [name, perCall])),
      });
      const failed = kept;
      kept.catch(() => this.#kept.get(key) === failed && this.#kept.delete(key));
    }
    this.#kept.set(key, kept);
    if (this.#kept.size > MOST_KEPT) this.#dropFirst();
    return kept;
  }

  #dropFirst(): void {
    const [first] = this.#kept;
    if (first === undefined) return;
    this.#kept.delete(first[0]);
    const ended = end(first[1], {}).finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }
}

async function end(module: Promise<Module>, options: CloseOptions): Promise<void> {
  await module.then(
    (loaded) => loaded.close(options),
    () => {},
  );
}

function keyOf({ runtime, source, limits, share }: RunRequest, fn: string, permissions: readonly string[]): string {
  const rest = JSON.stringify([runtime, fn, permissions, Object.entries(limits ?? {}).sort(), share === true]);
  return createHash("sha256").update(rest).update("\0").update(source).digest("hex");
}

function filesOf(
  { source, limits }: RunRequest,
  runtime: Runtime,
  key: string,
  fn: string,
  permissions: readonly string[],
): ExtensionFiles {
  const { languages, hardSandbox } = runtime.capabilities;
  const [language = ""] = languages;
  // Node takes a file for a module by its name alone.
  const module = language === "javascript" && !hardSandbox ? "source.mjs" : `source.${ENDINGS[language] ?? language}`;
  const name = `run-${key.slice(0, 16)}`;
  const manifest = {
    name,
    runtime: runtime.name,
    module,
    exports: [fn],
    permissions: [...permissions],
    ...(limits && { limits }),
  };
  return { manifest, files: { [module]: source } };
}

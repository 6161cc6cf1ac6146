import { createHash } from "node:crypto";
import { checkFunctions } from "../call/call-scope.ts";
import type { JsonSchema } from "../contract/exported-function.ts";
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
  /** A JSON Schema that the value must fit, as of an export in a manifest. */
  readonly input?: JsonSchema | undefined;
  /** A JSON Schema that the result must fit. */
  readonly output?: JsonSchema | undefined;
  /** Host functions of this run, by name. Others it has none. */
  readonly functions?: CallFunctions | undefined;
  /** As a manifest would have them: the host's policy bounds them. */
  readonly limits?: Limits | undefined;
  /** `true` lets runs of the same source use instances again, and find what others have left in its globals: as fast as a loaded module. */
  readonly share?: boolean | undefined;
}

/** @throws TypeError for a request that is none. */
export function checkRequest(request: RunRequest): void {
  if (typeof request !== "object" || request === null)
    throw new TypeError("host.run takes a request, { runtime, source }, and a value");
  const { runtime, source, functions } = request;
  if (typeof runtime !== "string")
    throw new TypeError(`runtime must be the name of a runtime, and is ${typeof runtime}`);
  if (typeof source !== "string" && !(source instanceof Uint8Array))
    throw new TypeError(
      `source must be text, or bytes in a Uint8Array, and is ${source === null ? "null" : typeof source}`,
    );
  if (functions !== undefined) checkFunctions(functions);
}

/** Sources that are kept ready. */
const MOST_KEPT = 100;

export type LoadSource = (files: ExtensionFiles, runtime: Runtime, options: SourceOptions) => Promise<Module>;

/** What a source is loaded with beside the host's own. */
export interface SourceOptions {
  readonly fresh: boolean;
  readonly hostFunctions: Readonly<Record<string, typeof perCall>>;
}

/** What was loaded for a request. */
interface Kept {
  readonly content: string;
  readonly runtime: string;
  readonly fn: string;
  readonly share: boolean;
  /** What else tells it from others of its source. */
  readonly rest: string;
  readonly loading: Promise<Module>;
  /** Once it has loaded. */
  module: Module | undefined;
  lastUsed: number;
}

/** Sources that were run lately, each compiled once. */
export class SourceRuns {
  readonly #load: LoadSource;
  /** By content. */
  readonly #kept = new Map<string, Kept[]>();
  readonly #ending = new Set<Promise<void>>();
  #count = 0;
  #clock = 0;

  constructor(load: LoadSource) {
    this.#load = load;
  }

  /** Rejects as a load and a call do. */
  run<Result>(request: RunRequest, runtime: Runtime, value: unknown): Promise<Result> {
    const { fn = "run" } = request;
    const kept = this.#find(request, runtime, fn);
    kept.lastUsed = ++this.#clock;
    const { module } = kept;
    if (module === undefined || module.closed) return this.#later(kept, request, runtime, value);
    return module.call<Result>(fn, value, optionsOf(request));
  }

  async close(options: CloseOptions): Promise<void> {
    const kept = [...this.#kept.values()].flat();
    this.#kept.clear();
    this.#count = 0;
    await Promise.all([...kept.map(({ loading }) => end(loading, options)), ...this.#ending]);
  }

  /** It may have had to give way to others while it was waited for, or its runtime was closed. */
  async #later<Result>(kept: Kept, request: RunRequest, runtime: Runtime, value: unknown): Promise<Result> {
    const module = await kept.loading;
    if (module.closed) {
      this.#forget(kept);
      return this.run<Result>(request, runtime, value);
    }
    return module.call<Result>(kept.fn, value, optionsOf(request));
  }

  #find(request: RunRequest, runtime: Runtime, fn: string): Kept {
    const { source, functions, limits, input, output, share = false } = request;
    const content = typeof source === "string" ? source : createHash("sha256").update(source).digest("hex");
    const permissions = functions === undefined ? [] : Object.keys(functions).sort();
    const plain = functions === undefined && limits === undefined && input === undefined && output === undefined;
    const asked = plain ? "" : JSON.stringify([permissions, limits, input, output]);
    // A text may say what the digest of bytes does.
    const rest = typeof source === "string" ? asked : `bytes ${asked}`;
    const ofContent = this.#kept.get(content);
    for (const kept of ofContent ?? [])
      if (kept.runtime === runtime.name && kept.fn === fn && kept.share === share && kept.rest === rest) return kept;
    const loading = this.#load(filesOf(request, runtime, fn, permissions), runtime, {
      fresh: !share,
      hostFunctions: Object.fromEntries(permissions.map((name) => [name, perCall])),
    });
    const kept: Kept = { content, runtime: runtime.name, fn, share, rest, loading, module: undefined, lastUsed: 0 };
    loading.then(
      (module) => {
        kept.module = module;
      },
      () => this.#forget(kept),
    );
    if (ofContent === undefined) this.#kept.set(content, [kept]);
    else ofContent.push(kept);
    if (++this.#count > MOST_KEPT) this.#dropOldest(kept);
    return kept;
  }

  /** The one that was used longest ago, of all but the newest. */
  #dropOldest(newest: Kept): void {
    let oldest: Kept | undefined;
    for (const all of this.#kept.values())
      for (const kept of all)
        if (kept !== newest && (oldest === undefined || kept.lastUsed < oldest.lastUsed)) oldest = kept;
    if (oldest === undefined) return;
    this.#forget(oldest);
    const ended = end(oldest.loading, {}).finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }

  #forget(kept: Kept): void {
    const { content } = kept;
    const all = this.#kept.get(content) ?? [];
    const at = all.indexOf(kept);
    if (at < 0) return;
    this.#count--;
    if (all.length === 1) this.#kept.delete(content);
    else all.splice(at, 1);
  }
}

function optionsOf({ context, functions = NONE, signal, timeoutMs }: RunRequest): InvokeOptions {
  return { context, functions, signal, timeoutMs };
}

const NONE: CallFunctions = Object.freeze({});

async function end(module: Promise<Module>, options: CloseOptions): Promise<void> {
  await module.then(
    (loaded) => loaded.close(options),
    () => {},
  );
}

function filesOf(
  { source, limits, input, output }: RunRequest,
  runtime: Runtime,
  fn: string,
  permissions: readonly string[],
): ExtensionFiles {
  const { languages, hardSandbox } = runtime.capabilities;
  const [language = ""] = languages;
  // Node takes a file for a module by its name alone.
  const module = language === "javascript" && !hardSandbox ? "source.mjs" : `source.${ENDINGS[language] ?? language}`;
  const name = `run-${createHash("sha256").update(source).digest("hex").slice(0, 16)}`;
  const manifest = {
    name,
    runtime: runtime.name,
    module,
    exports: [input === undefined && output === undefined ? fn : { name: fn, input, output }],
    permissions: [...permissions],
    ...(limits && { limits }),
  };
  return { manifest, files: { [module]: source } };
}

import type { InvokeOptions, LoadOptions, ManifestInput, Module } from "extruntime";
import { type V8Options, v8 } from "../src/index.ts";

export interface GuestOptions extends LoadOptions {
  /** Other files of the extension. */
  files?: Record<string, string>;
  /** Path of the module. */
  module?: string;
  exports?: string[];
  runtime?: V8Options;
  manifest?: Partial<ManifestInput>;
}

/** Loads a guest from its source. It exports `f` unless told otherwise. */
export function load(source: string, options: GuestOptions = {}): Promise<Module> {
  const { files, module = "guest.js", exports = ["f"], runtime, manifest, ...loadOptions } = options;
  return v8(runtime).load(
    {
      manifest: { name: "guest", runtime: "v8", module, exports, ...manifest } as ManifestInput,
      files: { ...files, [module]: source },
    },
    loadOptions,
  );
}

/** What one call of a fresh guest answers. */
export async function answer(
  source: string,
  payload = "null",
  options: GuestOptions & { call?: InvokeOptions } = {},
): Promise<string> {
  await using module = await load(source, options);
  return await module.invoke(options.exports?.[0] ?? "f", payload, options.call);
}

import type { ExtensionFiles, LoadOptions, ManifestInput, Module } from "extruntime";
import { type PywasmOptions, pywasm } from "../src/index.ts";

export interface GuestOptions extends LoadOptions {
  exports?: string[];
  files?: Record<string, string | Uint8Array>;
  module?: string;
  manifest?: Partial<ManifestInput>;
  runtime?: PywasmOptions;
}

/** An extension of one source. It exports `f` unless told otherwise. */
export function guest(source: string, options: GuestOptions = {}): ExtensionFiles {
  const { exports = ["f"], files, module = "guest.py", manifest } = options;
  const described: ManifestInput = { name: "guest", runtime: "pywasm", module, exports, ...manifest };
  return { manifest: described, files: { ...files, [module]: source } };
}

/** Loads a guest from its source. */
export function load(source: string, options: GuestOptions = {}): Promise<Module> {
  const { exports: _, files: _files, module: _module, manifest: _manifest, runtime, ...loadOptions } = options;
  return pywasm(runtime).load(guest(source, options), loadOptions);
}

/** A logger that keeps what it gets. */
export function recorder() {
  const lines: string[] = [];
  const take = (level: string) => (message: string) => {
    lines.push(`${level} ${message}`);
  };
  return { lines, debug: take("debug"), info: take("info"), warn: take("warn"), error: take("error") };
}

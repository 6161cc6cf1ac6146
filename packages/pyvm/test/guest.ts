import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ExtensionFiles, LoadOptions, ManifestInput, Module } from "extruntime";
import { test } from "vitest";
import { type FoundPython, findPython } from "../src/find-python.ts";
import { type PyvmOptions, pyvm } from "../src/index.ts";

const getPython = fileURLToPath(new URL("../../../scripts/get-python.sh", import.meta.url));

/** The CPython of the tests: `PYVM_PYTHON`, else the one that scripts/get-python.sh has made, else what pyvm finds. */
export const cpython: FoundPython = findPython(process.env.PYVM_PYTHON ? {} : { python: prepared()[0] });

/** 3.11 has no interpreters with a GIL of their own. */
export const hasOwnGil = cpython.version !== "3.11";

/** `test` where the CPython at hand has what it is about; elsewhere it is no test at all, rather than a skipped one. */
export function testIf(applies: boolean): (name: string, body: () => unknown) => void {
  return applies ? (name, body) => test(name, body as () => Promise<void>) : () => {};
}

/** A folder with numpy for that CPython, or `undefined`. */
export function numpyFolder(): string | undefined {
  return process.env.PYVM_NUMPY ?? prepared(...preparation())[1];
}

/** A folder with markupsafe, joblib and, where there is a GIL, msgspec, protobuf and orjson for it, or `undefined`. */
export const smallPackages: string | undefined = prepared(...preparation())[2];

function preparation(): string[] {
  return ["--version", cpython.version, "--numpy", ...(cpython.freeThreaded ? ["--free-threaded"] : [])];
}

function prepared(...options: string[]): string[] {
  const printed = execFileSync(getPython, ["--if-present", ...options], { encoding: "utf8" }).trim();
  return printed === "" ? [] : printed.split("\n");
}

export interface GuestOptions extends LoadOptions {
  exports?: string[];
  files?: Record<string, string>;
  module?: string;
  manifest?: Partial<ManifestInput>;
  runtime?: PyvmOptions;
}

/** An extension of one source. In CPythons without own-GIL interpreters it runs in the shared one. */
export function guest(source: string, options: GuestOptions = {}): ExtensionFiles {
  const { exports = ["f"], files, module = "guest.py", manifest } = options;
  const python = hasOwnGil ? manifest?.python : { interpreter: "shared" as const, ...manifest?.python };
  const described: ManifestInput = { name: "guest", runtime: "pyvm", module, exports, ...manifest };
  if (python !== undefined) described.python = python;
  return { manifest: described, files: { ...files, [module]: source } };
}

/** Loads a guest from its source. It exports `f` unless told otherwise. However slow the machine, no call counts as stuck. */
export function load(source: string, options: GuestOptions = {}): Promise<Module> {
  const { exports: _, files: _files, module: _module, manifest: _manifest, runtime, ...loadOptions } = options;
  return pyvm({ python: cpython.library, graceMs: 600_000, ...runtime }).load(guest(source, options), loadOptions);
}

/** A logger that keeps what it gets. */
export function recorder() {
  const lines: string[] = [];
  const take = (level: string) => (message: string, fields: { extension: string }) => {
    lines.push(`${fields.extension} ${level} ${message}`);
  };
  return { lines, debug: take("debug"), info: take("info"), warn: take("warn"), error: take("error") };
}

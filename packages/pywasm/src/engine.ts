import {
  badManifest,
  type CompileContext,
  ENGINE_VERSION,
  type Engine,
  type Extension,
  ExtensionError,
  type Program,
  PYTHON_SECTION,
} from "extruntime/engine";
import { readProgramFiles } from "./files/program-files.ts";
import { missingFiles, startedPython } from "./interpreter/code.ts";
import { PywasmProgram } from "./program.ts";

export interface PywasmEngineOptions {
  /** Mebibytes that an instance may use where nobody sets `limits.memoryMb`. 256 by default; an interpreter takes some 8 of them. */
  defaultMemoryMb?: number | undefined;
}

const DEFAULT_MEMORY_MB = 256;
/** What a memory of 32 bits can have, less the last page. */
const MAX_MEMORY_MB = 4095;
const MIB = 2 ** 20;
const POOL_SIZE = 4;

/**
 * Python in CPython compiled to WebAssembly, on the thread that calls it.
 *
 * @throws TypeError for options that are not as they must be.
 */
export function pywasmEngine(options: PywasmEngineOptions = {}): Engine {
  const { defaultMemoryMb = DEFAULT_MEMORY_MB } = options;
  if (!(typeof defaultMemoryMb === "number" && defaultMemoryMb >= 1 && defaultMemoryMb <= MAX_MEMORY_MB))
    throw new TypeError(
      `defaultMemoryMb must be a number from 1 to ${MAX_MEMORY_MB}, and is ${String(defaultMemoryMb)}`,
    );
  return {
    engineVersion: ENGINE_VERSION,
    name: "pywasm",
    aliases: [],
    capabilities: {
      languages: ["python"],
      hardSandbox: true,
      nativeAddon: false,
      // By ticks in its code. A signal cannot fire while the guest holds the thread.
      deadline: "hard",
      signal: false,
      crashIsolation: false,
      memoryLimit: true,
      parallel: false,
      sync: true,
      hostFunctions: true,
      freshCalls: true,
    },
    unavailable: missingFiles(),
    manifestSection: PYTHON_SECTION,
    takesConfig: true,
    pool: { env: "BASE_PYWASM_POOL_SIZE", size: POOL_SIZE },
    origin: { module: import.meta.url, export: pywasmEngine.name, options: { defaultMemoryMb }, threadAbort: "hard" },
    compile: (extension, context) => compile(extension, context, defaultMemoryMb * MIB),
  };
}

async function compile(extension: Extension, context: CompileContext, defaultBytes: number): Promise<Program> {
  const { manifest, location } = extension;
  if (manifest.module === undefined) throw badManifest(location, '"module" is missing; it names the Python file');
  refuseSettings(extension);
  const limit = Math.min(context.memoryBytes ?? defaultBytes, MAX_MEMORY_MB * MIB);
  const python = await startedPython();
  const least = python.image.memory.length;
  if (limit < least + MIB)
    throw new ExtensionError(
      "ERR_EXT_MEMORY",
      `${location}: an interpreter takes ${Math.ceil(least / MIB)} MiB, and its limit is ${limit / MIB} MiB: set limits.memoryMb to ${Math.ceil(least / MIB) + 2} or more`,
    );
  const files = await readProgramFiles(extension, manifest.module, python.standardLibrary);
  return new PywasmProgram(python, files, extension, context, limit);
}

/** Of the section that it shares with pyvm, what means nothing here. */
function refuseSettings({ manifest, location }: Extension): void {
  const { interpreter, venv } = manifest.settings;
  if (interpreter !== undefined)
    throw badManifest(
      location,
      `"python.interpreter" is ${JSON.stringify(interpreter)}, and pywasm has one kind: each instance has an interpreter of its own in a memory of its own. Leave it out`,
    );
  if (venv !== undefined)
    throw badManifest(
      location,
      '"python.venv" names a virtual environment, which belongs to a CPython of the machine that pywasm does not use: install what is pure Python into a folder (pip install --target) and name that in "python.path"',
    );
}

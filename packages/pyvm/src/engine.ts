import { basename, dirname, join } from "node:path";
import {
  type CompileContext,
  DEFAULT_BOUNDS,
  ENGINE_VERSION,
  type Engine,
  type Extension,
  ExtensionError,
  type Program,
  PYTHON_SECTION,
} from "extruntime/engine";
import { loadAddon } from "./addon.ts";
import { CPython, type RunningPython } from "./cpython.ts";
import { shortestWay } from "./find-python.ts";
import { isOutOfMemory } from "./out-of-memory.ts";
import { PyvmProgram } from "./program.ts";
import { SetAside } from "./set-aside.ts";
import { folderOf, openVenv, venvPrefix } from "./venv.ts";

/** What is particular to this engine. */
export interface PyvmEngineOptions {
  /** A Python executable, or the shared library of a CPython. Without it: `PYVM_PYTHON`, then what is found. */
  python?: string | undefined;
  /** Heed `PYTHONPATH`, `PYTHONHOME` and the other variables of Python. By default they are ignored. */
  environment?: boolean | undefined;
  /**
   * `"system"` has Python use malloc instead of its own allocator, for tools that watch it. What CPython leaves behind of an
   * ended interpreter, about 0.3 MB, is then lost; with its own allocator it is given back. Default `"python"`.
   */
  allocator?: "python" | "system" | undefined;
  /** Interpreters that may be stuck in calls that would not stop, before no more are made. Default 8. */
  maxStuck?: number | undefined;
  /** Milliseconds that an aborted call has to end before its interpreter is set aside as stuck. A coroutine has 150 of them to end when it is cancelled. Default 500. */
  graceMs?: number | undefined;
}

const DEFAULT_MAX_STUCK = 8;
const DEFAULT_GRACE_MS = 500;
/** What a timer of Node can wait. */
const LONGEST_GRACE_MS = 2 ** 31 - 1;

/** @throws TypeError for options that are not as they must be. */
export function pyvmEngine(options: PyvmEngineOptions): Engine {
  const { python, environment = false, allocator = "python" } = options;
  const { maxStuck = DEFAULT_MAX_STUCK, graceMs = DEFAULT_GRACE_MS } = options;
  if (python !== undefined && typeof python !== "string")
    throw new TypeError("python must be the path of an executable or a library");
  if (typeof environment !== "boolean") throw new TypeError("environment must be true or false");
  if (allocator !== "python" && allocator !== "system") throw new TypeError('allocator must be "python" or "system"');
  if (!Number.isSafeInteger(maxStuck) || maxStuck < 1) throw new TypeError("maxStuck must be a positive integer");
  if (typeof graceMs !== "number" || !(graceMs >= 0 && graceMs <= LONGEST_GRACE_MS))
    throw new TypeError(`graceMs must be a number from 0 to ${LONGEST_GRACE_MS}`);
  const cpython = new CPython({ python, environment, allocator });
  const setAside = new SetAside(maxStuck, graceMs);
  const unavailable = whyNot(cpython);
  return {
    engineVersion: ENGINE_VERSION,
    name: "pyvm",
    aliases: [],
    capabilities: {
      languages: ["python"],
      hardSandbox: false,
      nativeAddon: true,
      deadline: "interpreted",
      signal: "interpreted",
      crashIsolation: false,
      memoryLimit: false,
      parallel: unavailable !== undefined || runsInParallel(cpython),
      sync: true,
      hostFunctions: true,
      freshCalls: false,
    },
    manifestSection: PYTHON_SECTION,
    isOutOfMemory,
    takesConfig: true,
    tellsCalls: true,
    pool: { env: "BASE_PYVM_POOL_SIZE", size: 4 },
    origin: {
      module: import.meta.url,
      export: pyvmEngine.name,
      options: { python: ofWorkers(cpython, python), environment, allocator, maxStuck, graceMs },
    },
    unavailable,
    compile: (extension, context) => compile(cpython, setAside, extension, context),
  };
}

/** Why no CPython or no addon can be loaded, or `undefined`. A virtual environment of a manifest may still bring one. */
function whyNot(cpython: CPython): string | undefined {
  try {
    loadAddon();
    cpython.find();
    return undefined;
  } catch (error) {
    if (ExtensionError.is(error)) return error.message;
    throw error;
  }
}

/** What workers are told, since a child process has no environment to find it in. Nothing where a manifest's virtual environment may bring one. */
function ofWorkers(cpython: CPython, python: string | undefined): string | undefined {
  const named = python ?? process.env.PYVM_PYTHON;
  if (named === undefined || named === "") return undefined;
  try {
    return shortestWay(cpython.find());
  } catch {
    return named;
  }
}

/** Before 3.12 there is one GIL for all. */
function runsInParallel(cpython: CPython): boolean {
  return cpython.find().version !== "3.11";
}

async function compile(
  cpython: CPython,
  setAside: SetAside,
  extension: Extension,
  context: CompileContext,
): Promise<Program> {
  const { manifest } = extension;
  const { resultBytes, hostCallBytes, logChars } = context.bounds ?? DEFAULT_BOUNDS;
  const shared = manifest.settings.interpreter === "shared";
  const prefix = venvPrefix(extension);
  const running = await cpython.start(prefix);
  if (!shared) needOwnGil(running);
  const { bridge } = running;
  if (!shared) bridge.rouseSpare();
  setAside.endsProcess = running.freeThreaded && context.endsWithGuest === true;
  const module = moduleOf(extension);
  const source = await extension.read(module);
  const filename = extension.dir === undefined ? `${extension.location}/${module}` : join(extension.dir, module);
  const venv = prefix === undefined ? undefined : openVenv(prefix, extension, running.version, running.freeThreaded);
  const code = await bridge.compile(source, filename);
  return new PyvmProgram(
    bridge,
    {
      shared,
      code,
      filename,
      stem: basename(module, ".py"),
      exports: manifest.exports,
      folder: dirname(filename),
      files: extension.dir === undefined ? await filesOf(extension) : undefined,
      paths: pathsOf(extension),
      venv: venv === undefined ? [] : [venv.prefix, ...venv.sitePackages],
      extendedJson: manifest.settings.json === "extended",
      config: context.config,
      resultBytes,
      hostCallBytes,
      logChars,
      handsOver: context.endsWithGuest === true,
    },
    setAside,
    context,
  );
}

function needOwnGil({ ownGil, version }: RunningPython): void {
  if (ownGil) return;
  throw new ExtensionError(
    "ERR_EXT_UNSUPPORTED",
    `CPython ${version} has no interpreters with a GIL of their own, which came with 3.12: set "python": { "interpreter": "shared" } in extension.json, or install a later one and name it in PYVM_PYTHON`,
  );
}

function moduleOf({ manifest, location }: Extension): string {
  if (manifest.module !== undefined) return manifest.module;
  throw new ExtensionError("ERR_EXT_BAD_MANIFEST", `${location}: "module" is missing; it names the Python file`);
}

async function filesOf(extension: Extension): Promise<[string, Uint8Array][]> {
  const paths = await extension.list();
  return Promise.all(paths.map(async (path): Promise<[string, Uint8Array]> => [path, await extension.read(path)]));
}

/** What the manifest puts on sys.path. */
function pathsOf(extension: Extension): string[] {
  const { path } = extension.manifest.settings;
  return Array.isArray(path) ? path.map((each: string) => folderOf(extension, each, '"python.path"')) : [];
}

import { ExtensionError, OwnFiles } from "extruntime/engine";
import { tryInChild } from "./probe-child.ts";

/**
 * The part of isolated-vm that the engine uses. Its own types are not taken, since the package is there only where a
 * host has chosen to install it.
 */
export interface IsolatedVm {
  readonly Isolate: new (options: IsolateOptions) => Isolate;
  readonly Callback: new (fn: (...args: never[]) => unknown, options: { sync: true } | { ignored: true }) => object;
  /** Shared memory stays shared. */
  readonly ExternalCopy: new (
    value: SharedArrayBuffer,
  ) => { copyInto(): object };
}

export interface IsolateOptions {
  /** Megabytes, at least 8. */
  memoryLimit: number;
  /** Called on the main thread after V8 gave up on the isolate; whatever ran in it never returns. */
  onCatastrophicError(message: string): void;
}

/** Functions that end in `Sync` run on the calling thread, the others on a thread of isolated-vm's own. */
export interface Isolate {
  readonly isDisposed: boolean;
  createContext(): Promise<Context>;
  createContextSync(): Context;
  compileScript(code: string, options: CompileOptions): Promise<Script>;
  compileScriptSync(code: string, options: CompileOptions): Script;
  compileModule(code: string, options: CompileOptions): Promise<Module>;
  compileModuleSync(code: string, options: CompileOptions): Module;
  getHeapStatistics(): Promise<unknown>;
  /** Ends what runs in it as soon as V8 looks, and returns at once. Throws when it is disposed already. */
  dispose(): void;
}

export interface CompileOptions {
  filename: string;
  cachedData?: object;
  produceCachedData?: boolean;
}

export interface Context {
  evalClosureSync(code: string, args: unknown[], options: { filename: string; result: { reference: true } }): Reference;
  eval(code: string, options: { filename: string; reference: true }): Promise<Reference>;
  evalSync(code: string, options: { filename: string; reference: true }): Reference;
}

export interface Script {
  /** Code cache, where it was asked for. Outlives the isolate. */
  readonly cachedData?: object;
  run(context: Context): Promise<unknown>;
  runSync(context: Context): unknown;
}

export interface Module {
  readonly namespace: Reference;
  readonly dependencySpecifiers: readonly string[];
  instantiate(context: Context, resolve: (specifier: string, referrer: Module) => Module): Promise<void>;
  instantiateSync(context: Context, resolve: (specifier: string, referrer: Module) => Module): void;
  evaluate(): Promise<unknown>;
  evaluateSync(): unknown;
}

/** A value inside an isolate, held from outside. */
export interface Reference {
  readonly typeof: string;
  getSync(key: number, options: { reference: true }): Reference;
  apply(receiver: undefined, args: unknown[]): Promise<unknown>;
  apply(receiver: undefined, args: unknown[], options: { result: { reference: true } }): Promise<Reference>;
  applySync(receiver: undefined, args: unknown[], options: { result: { reference: true } }): Reference;
  applySync(receiver: undefined, args: unknown[]): unknown;
  /** As `apply`, where nobody wants the result. */
  applyIgnored(receiver: undefined, args: unknown[]): void;
  derefInto(): object;
  release(): void;
}

const { require } = new OwnFiles(import.meta.url);
let loading: Promise<IsolatedVm> | undefined;

/**
 * Loads isolated-vm, once per process.
 *
 * @throws ExtensionError `ERR_EXT_UNSUPPORTED` with what was tried and what to do, where it is not installed, has no
 * binary that fits, or would crash this Node.
 */
export function loadIsolatedVm(): Promise<IsolatedVm> {
  loading ??= load();
  return loading;
}

/** The isolated-vm that fits a version of Node: the first that was made for it and is still mended. */
export function fittingVersion(node: string): number {
  const major = Number(node.split(".")[0]);
  if (major < 22) return 5;
  return major < 24 ? 6 : 7;
}

async function load(): Promise<IsolatedVm> {
  const { path, version } = find();
  let vm: IsolatedVm;
  try {
    vm = require(path) as IsolatedVm;
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw unsupported(`isolated-vm ${version} is installed and cannot be loaded: ${why}`, error);
  }
  await refuseCrash(path, version);
  return vm;
}

function find(): { path: string; version: string } {
  try {
    const { version } = require("isolated-vm/package.json") as { version: string };
    return { path: require.resolve("isolated-vm"), version };
  } catch (error) {
    throw unsupported("isolated-vm is not installed where this package could find it", error);
  }
}

/**
 * On some platforms V8 crashes as soon as an isolate is made beside Node's own, which came out of Node's snapshot
 * (isolated-vm's README asks for `--no-node-snapshot` on Node 20 and later). A child process shows whether it does here.
 */
async function refuseCrash(path: string, version: string): Promise<void> {
  if (process.execArgv.includes("--no-node-snapshot")) return;
  const problem = await tryInChild(path);
  if (problem === undefined) return;
  throw new ExtensionError(
    "ERR_EXT_UNSUPPORTED",
    `isolated-vm ${version} would crash this process: a child process that made an isolate ${problem}. Start Node with --no-node-snapshot (an argument of node; NODE_OPTIONS does not take it)`,
  );
}

function unsupported(problem: string, cause: unknown): ExtensionError {
  const fits = fittingVersion(process.versions.node);
  const how =
    fits === 5
      ? "; it is compiled when it is installed: allow its install script, and have Python and a C++ compiler there"
      : "";
  return new ExtensionError(
    "ERR_EXT_UNSUPPORTED",
    `the v8 runtime needs isolated-vm, and ${problem}. For Node ${process.versions.node} on ${process.platform}-${process.arch} run: npm install isolated-vm@${fits}${how}`,
    { cause },
  );
}

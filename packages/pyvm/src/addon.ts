import { existsSync } from "node:fs";
import { ExtensionError, OwnFiles, platformName } from "extruntime/engine";

/** A loaded copy of a program, in the addon. Kept alive by what holds it; dropped without `close` it is closed by the garbage collector. */
export interface NativeInstance {
  readonly __native: "instance";
}

export interface StartRequest {
  readonly library: string;
  /** Path of the executable that belongs to the library: Python finds its own modules from it. */
  readonly programName: string;
  readonly systemAllocator: boolean;
  readonly environment: boolean;
  readonly deepBinding: boolean;
}

export interface LoadRequest {
  readonly shared: boolean;
  /** Marshalled, as `compile` gave it. */
  readonly code: Uint8Array;
  /** As tracebacks tell it: absolute, or `memory:<name>/…` for an extension without a folder. */
  readonly filename: string;
  /** After which the Python module is called. */
  readonly stem: string;
  /** From `program()`; its output carries it. */
  readonly program: number;
  readonly exports: readonly string[];
  /** Where `filename` lies, and what it imports. */
  readonly folder: string;
  /** Paths and bytes of an extension without a folder. */
  readonly files: readonly (readonly [string, Uint8Array])[] | undefined;
  /** More folders for `sys.path`. */
  readonly paths: readonly string[];
  /** Prefix and site-packages folders of a virtual environment; empty for none. */
  readonly venv: readonly string[];
  /** Values that json.dumps refuses have forms of their own. */
  readonly extendedJson: boolean;
  /** Values for the guest, as JSON. */
  readonly config: string | undefined;
  /** As `Bounds` of the core has them. */
  readonly resultBytes: number;
  readonly hostCallBytes: number;
  readonly logChars: number;
  /** Each line is handed over before the guest goes on. */
  readonly handsOver: boolean;
}

/**
 * The addon's functions, as `native/api/addon.cc` has them. What takes a token ends later, with that token, in the `settle`
 * callback; everything else has ended when it returns.
 */
export interface Addon {
  /**
   * Once per thread of Node. `settle` gets token, value, token, value, …, a failure being an Error that `failed` made.
   * `ask` calls a host function for a guest that waits elsewhere, and returns the answer, or `undefined` where that will be
   * given to `answer`; `askNow` does so for one that this thread waits for. None of them throws.
   */
  attach(
    settle: (...batch: unknown[]) => void,
    output: (program: number, level: 0 | 1 | 2 | 3, text: string, ofCall: boolean) => void,
    failed: (code: string, name: string, message: string, stack: string, disorder: boolean, extras: string) => Error,
    ask: (program: number, id: number, name: string, payload: string) => string | undefined,
    askNow: (program: number, id: number, name: string, payload: string) => string,
  ): void;
  /** Of a host call that `ask` left open. Nothing happens where the guest waits no more. */
  answer(id: number, text: string): void;
  start(token: number, request: StartRequest): void;
  about(): { version: string; ownGil: boolean; withoutGil: boolean };
  /** Has the spare interpreter made, if there is none. */
  spare(): void;
  /** The spare interpreter, if there is one, will be wanted at once: it gets its thread and its code at hand meanwhile. */
  rouse(): void;
  /** A number for a copy of a program, unique in the process. */
  program(): number;
  compile(token: number, source: Uint8Array, filename: string): void;
  /** `pace[0]` will be the nanoseconds that calls of it lately took. It must be kept as long as the instance has calls. */
  load(token: number, request: LoadRequest, pace: Float64Array): NativeInstance;
  /** Calls of one instance run one after the other, in the order in which they came. `look` must be called soon after. */
  invoke(instance: NativeInstance, token: number, fn: number, payload: string): void;
  /** Without `milliseconds` it may take for ever. */
  invokeSync(instance: NativeInstance, fn: number, payload: string, milliseconds?: number): string;
  /**
   * The same, but where the guest answers with a coroutine that goes to the interpreter's thread, as a call of this token
   * that was invoked, and nothing is returned. Without a coroutine the token is not used.
   */
  invokeSync(
    instance: NativeInstance,
    fn: number,
    payload: string,
    milliseconds: number,
    token: number,
  ): string | undefined;
  /** Takes back a call whose turn has not come: then its token is settled no more. `false`: it runs, or has ended. */
  withdraw(instance: NativeInstance, token: number): boolean;
  /** Stops the call or the load of that token, if it runs. */
  abort(instance: NativeInstance, token: number): void;
  /** No call of it runs or waits. */
  close(instance: NativeInstance, token: number): void;
  /**
   * Has what was invoked started, and settles what has ended, after looking for it for some microseconds where it cannot
   * be far. `true`: something was settled, and `look` must be called again soon. From an `invoke` to the first `false` the
   * event loop is not woken.
   */
  look(): boolean;
  /** Settles what has ended. The event loop is not woken for each of many calls, so while there are many somebody should look. */
  deliver(): void;
  /** One of the things that have been started need not keep the process up. */
  forget(): void;
  /** To be called when that one has ended all the same. */
  remember(): void;
}

const files = new OwnFiles(import.meta.url);
const { require } = files;

let loaded: Addon | undefined;

/**
 * The addon of this platform: the one that `PYVM_ADDON` names (a sanitized build, for instance), else the one built in the
 * package's own folder, else the one of the platform package.
 *
 * @throws ExtensionError `ERR_EXT_UNSUPPORTED` that lists what was tried.
 */
export function loadAddon(): Addon {
  loaded ??= findAddon();
  return loaded;
}

function findAddon(): Addon {
  const built = files.path("../build/pyvm.node");
  const prebuilt = `@extruntime/pyvm-${platformName()}`;
  const tried: string[] = [];
  const named = process.env.PYVM_ADDON;
  if (named !== undefined && named !== "") return require(named) as Addon;
  for (const candidate of [built, prebuilt]) {
    if (candidate === built && !existsSync(built)) {
      tried.push(`${built}: not there`);
      continue;
    }
    try {
      return require(candidate) as Addon;
    } catch (error) {
      tried.push(`${candidate}: ${(error as Error).message.split("\n")[0]}`);
    }
  }
  throw new ExtensionError(
    "ERR_EXT_UNSUPPORTED",
    `pyvm's addon for ${platformName()} could not be loaded. Tried:\n${tried.map((line) => `  ${line}`).join("\n")}\n` +
      "Install @extruntime/pyvm again with its optional dependencies (npm install --include=optional), or build the addon, which needs a " +
      "C++20 compiler: npm install --no-save node-addon-api node-api-headers && npm run build:addon --prefix <folder of @extruntime/pyvm>",
  );
}

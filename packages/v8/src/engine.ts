import { ENGINE_VERSION, type Engine, ExtensionError } from "extruntime/engine";
import { spareGuests } from "./guest/spare-guests.ts";
import { readSources } from "./guest-javascript/index.ts";
import { loadIsolatedVm } from "./isolate/isolated-vm.ts";
import { watchExit } from "./process-end/process-exit.ts";
import { V8Program } from "./program.ts";

export interface V8EngineOptions {
  /**
   * Gives guests `Intl`, which they lack by default: V8 does not count what its objects take, so a guest that makes
   * enough of them is past any limit of memory.
   */
  intl?: boolean | undefined;
  /**
   * Set where the engine is made in a process of its own: a call that is stopped has ended when V8 has let go of its guest, so that the
   * process is ended where that takes too long.
   *
   * @internal
   */
  patient?: boolean | undefined;
}

/** Where neither the extension nor the host says: V8 collects garbage early enough, and 10 MB of JSON fit. */
const DEFAULT_MEMORY_MB = 128;
/** isolated-vm takes no less. */
const MIN_MEMORY_MB = 8;
const MIB = 1_048_576;

/**
 * JavaScript in V8 isolates of its own, on threads of isolated-vm's.
 *
 * @throws TypeError for options that are not as they must be.
 */
export function v8Engine(options: V8EngineOptions = {}): Engine {
  const { intl = false, patient = false } = options;
  if (typeof intl !== "boolean") throw new TypeError(`intl must be true or false, and is ${JSON.stringify(intl)}`);
  watchExit();
  return {
    engineVersion: ENGINE_VERSION,
    name: "v8",
    aliases: ["v8go"],
    capabilities: {
      languages: ["javascript"],
      hardSandbox: true,
      nativeAddon: true,
      // V8 looks between the steps of a guest, and not within one of its own builtins.
      deadline: "interpreted",
      signal: "interpreted",
      crashIsolation: false,
      memoryLimit: true,
      parallel: true,
      sync: true,
      hostFunctions: true,
      freshCalls: false,
    },
    origin: {
      module: new URL("./engine.js", import.meta.url).href,
      export: "v8Engine",
      options: { intl, patient: true },
      threadRefusal:
        "isolates run on threads of their own wherever they are, and isolated-vm can end the whole process when a worker thread that uses it ends; leave it inline, or place it in a process",
    },
    manifestSection: { name: "v8", schema: {} },
    takesConfig: true,
    tellsCalls: true,
    bundle: { target: "es2023", node: false },
    pool: { env: "BASE_V8VM_POOL_SIZE", size: 4 },
    async compile(extension, context) {
      const memoryMb = context.memoryBytes === undefined ? DEFAULT_MEMORY_MB : context.memoryBytes / MIB;
      if (memoryMb < MIN_MEMORY_MB) throw tooLittle(memoryMb);
      const [vm, sources] = await Promise.all([loadIsolatedVm(), readSources(extension)]);
      return new V8Program(vm, extension, sources, context, { memoryMb, intl, patient });
    },
    close: () => spareGuests.close(),
  };
}

function tooLittle(memoryMb: number): ExtensionError {
  return new ExtensionError(
    "ERR_EXT_UNSUPPORTED",
    `limits.memoryMb is ${memoryMb}, and an isolate of V8 takes ${MIN_MEMORY_MB} at the least: raise it, or run the extension in the quickjs engine`,
  );
}

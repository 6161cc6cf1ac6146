import { createRuntime, type Runtime, type RuntimeOptions, registerEngine } from "extruntime/engine";
import { type PywasmEngineOptions, pywasmEngine } from "./engine.ts";

export type { PywasmEngineOptions };
export { pywasmEngine };

/** Options of {@link pywasm}: those of every engine, and its own. */
export type PywasmOptions = RuntimeOptions & PywasmEngineOptions;

/**
 * The runtime for Python of strangers: CPython 3.13 in WebAssembly. Guests reach nothing but what they are granted; memory, stack and time are bounded.
 *
 * @throws TypeError for options that are not as they must be; ExtensionError `ERR_EXT_UNSUPPORTED` for a placement that it cannot run at.
 */
export function pywasm(options: PywasmOptions = {}): Runtime {
  const { defaultMemoryMb, ...runtimeOptions } = options;
  return createRuntime(pywasmEngine({ defaultMemoryMb }), runtimeOptions);
}

registerEngine({ name: "pywasm", package: "@extruntime/pywasm", create: pywasm });

import { createRuntime, type Runtime, type RuntimeOptions, registerEngine } from "extruntime/engine";
import { type QuickJSEngineOptions, quickjsEngine } from "./engine.ts";

export type { QuickJSEngineOptions };

/** Options of {@link quickjs}: those of every engine, and its own. */
export type QuickJSOptions = RuntimeOptions & QuickJSEngineOptions;

/**
 * The runtime for JavaScript of strangers: QuickJS in WebAssembly. Guests reach nothing but their own globals and
 * `console`; memory, stack and time are bounded.
 *
 * @throws TypeError for options that are not as they must be.
 */
export function quickjs(options: QuickJSOptions = {}): Runtime {
  const { memory, stackKb, defaultMemoryMb, ...runtimeOptions } = options;
  return createRuntime(quickjsEngine({ memory, stackKb, defaultMemoryMb }), runtimeOptions);
}

registerEngine({ name: "quickjs", package: "@extruntime/quickjs", create: quickjs });

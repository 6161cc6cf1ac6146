import type { Runtime } from "../contract/runtime.ts";
import { createRuntime, type RuntimeOptions } from "../runtime/runtime.ts";
import { type NativeEngineOptions, nativeEngine } from "./engine.ts";

export type { NativeContext, NativeFunction, NativeHost } from "./instance.ts";
export type { NativeEngineOptions };

/** Options of `native()`: those of every engine, and its own. */
export type NativeOptions = RuntimeOptions & NativeEngineOptions;

/**
 * The runtime for trusted JavaScript: guests run in the host's own realm, at the speed of a function call, and can do
 * what the host can. It cannot stop a guest: limits are refused.
 */
export function native(options: NativeOptions = {}): Runtime {
  return createRuntime(nativeEngine({ functions: options.functions }), options);
}

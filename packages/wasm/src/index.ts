import { createRuntime, type Runtime, type RuntimeOptions, registerEngine } from "extruntime/engine";
import { type WasmEngineOptions, wasmEngine } from "./engine.ts";

/** Options of {@link wasm}: those of every engine, and its own. */
export interface WasmOptions extends RuntimeOptions, WasmEngineOptions {}

/**
 * The runtime named `wasm` (alias `wazero`): WebAssembly modules of the pointer ABI, and WASI commands.
 *
 * @throws TypeError for an option that is not a number in its range; ExtensionError `ERR_EXT_UNSUPPORTED` for a placement
 * that it cannot run at.
 */
export function wasm(options: WasmOptions = {}): Runtime {
  return createRuntime(wasmEngine(options), options);
}

export type { WasmEngineOptions };
export { wasmEngine };

registerEngine({ name: "wasm", package: "@extruntime/wasm", create: wasm });

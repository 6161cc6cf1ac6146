import type { QuickJSExports } from "../build.ts";
import { outOfMemory } from "./outcome.ts";
import type { Handle } from "./vm-options.ts";

const ALL_INTRINSICS = 0;

/** Addresses and values by which the host reaches a VM. They mean the same in every memory of the same content. */
export interface VmState {
  readonly runtime: number;
  readonly context: number;
  readonly undefinedValue: Handle;
  /** The dispatcher's, once it is prepared. */
  readonly entries: Handle[];
}

/** Makes a runtime with one context. */
export function newState(exports: QuickJSExports, stackBytes: number): VmState {
  const runtime = exports.QTS_NewRuntime();
  exports.QTS_RuntimeSetMaxStackSize(runtime, stackBytes);
  exports.QTS_RuntimeEnableInterruptHandler(runtime);
  exports.QTS_RuntimeEnableModuleLoader(runtime, 1);
  const context = exports.QTS_NewContext(runtime, ALL_INTRINSICS);
  if (context === 0) throw outOfMemory();
  return { runtime, context, undefinedValue: exports.QTS_GetUndefined(), entries: [] };
}

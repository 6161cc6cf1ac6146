import { readFile } from "node:fs/promises";
import { OwnFiles } from "extruntime/engine";
import { Wasm, type WasmImport, type WasmModule } from "./webassembly.ts";

/**
 * A WebAssembly build of QuickJS made by quickjs-emscripten, and what its imports and exports are called.
 *
 * The release build's names are single letters, given in a fixed order by its linker, so the tables below belong to
 * one exact version; package.json pins it, and a test holds the tables against the names in the package's own loader.
 */
export interface QuickJSBuild {
  /** Path of the `.wasm` file. */
  readonly path: string;
  /** Module name and field name of an import, for each that the engine implements. */
  readonly imports: Readonly<Record<ImportName, readonly [module: string, field: string]>>;
  /** Name of an export by its C name. */
  exportName(cName: ExportName): string;
  /** Imports beside those, or in place of them, by module and field name. For builds that are debugged. */
  extraImports?(memory: ReadableMemory): Record<string, Record<string, WasmImport>>;
}

export interface ReadableMemory {
  /** UTF-8 text up to its NUL. */
  text(pointer: number): string;
  bytes(from: number, length: number): Uint8Array;
}

/** Globals of a build whose memory can be put back as it was: scripts/mend-build.mjs exports them. */
export const STACK_POINTER = "extruntime: stack";
/** The size that its code takes the memory to have, in pages of 64 KiB. */
export const PAGES = "extruntime: pages";

export type ImportName = keyof typeof RELEASE_IMPORTS;
export type ExportName = "__wasm_call_ctors" | (typeof EXPORTS)[number];
export type QuickJSExports = Readonly<Record<ExportName, (...args: number[]) => number>>;

const RELEASE_IMPORTS = {
  memory: ["a", "a"],
  __assert_fail: ["a", "b"],
  fd_write: ["a", "c"],
  fd_close: ["a", "d"],
  environ_get: ["a", "e"],
  environ_sizes_get: ["a", "f"],
  qts_host_normalize_module: ["a", "g"],
  qts_host_load_module_source: ["a", "h"],
  qts_host_interrupt_handler: ["a", "i"],
  _setitimer_js: ["a", "j"],
  emscripten_resize_heap: ["a", "k"],
  _emscripten_runtime_keepalive_clear: ["a", "l"],
  _localtime_js: ["a", "m"],
  _tzset_js: ["a", "n"],
  fd_seek: ["a", "o"],
  emscripten_date_now: ["a", "p"],
  _abort_js: ["a", "q"],
  proc_exit: ["a", "r"],
  qts_host_call_function: ["a", "s"],
  qts_host_ref_free: ["a", "t"],
} as const;

/** C names of the exports, in the order in which the linker names them. */
export const EXPORTS = [
  "malloc",
  "QTS_Throw",
  "QTS_NewError",
  "QTS_RuntimeSetMemoryLimit",
  "QTS_RuntimeComputeMemoryUsage",
  "QTS_RuntimeDumpMemoryUsage",
  "QTS_RecoverableLeakCheck",
  "QTS_BuildIsSanitizeLeak",
  "QTS_RuntimeSetMaxStackSize",
  "QTS_GetUndefined",
  "QTS_GetNull",
  "QTS_GetFalse",
  "QTS_GetTrue",
  "QTS_NewHostRef",
  "QTS_GetHostRefId",
  "QTS_NewRuntime",
  "QTS_FreeRuntime",
  "free",
  "QTS_NewContext",
  "QTS_FreeContext",
  "QTS_FreeValuePointer",
  "QTS_FreeValuePointerRuntime",
  "QTS_FreeVoidPointer",
  "QTS_FreeCString",
  "QTS_DupValuePointer",
  "QTS_NewObject",
  "QTS_NewObjectProto",
  "QTS_NewArray",
  "QTS_NewArrayBuffer",
  "QTS_NewFloat64",
  "QTS_GetFloat64",
  "QTS_NewString",
  "QTS_GetString",
  "QTS_GetArrayBuffer",
  "QTS_GetArrayBufferLength",
  "QTS_NewSymbol",
  "QTS_GetSymbolDescriptionOrKey",
  "QTS_IsGlobalSymbol",
  "QTS_IsJobPending",
  "QTS_ExecutePendingJob",
  "QTS_GetProp",
  "QTS_GetPropNumber",
  "QTS_SetProp",
  "QTS_DefineProp",
  "QTS_GetOwnPropertyNames",
  "QTS_Call",
  "QTS_ResolveException",
  "QTS_Dump",
  "QTS_Eval",
  "QTS_GetModuleNamespace",
  "QTS_Typeof",
  "QTS_GetLength",
  "QTS_IsEqual",
  "QTS_GetGlobalObject",
  "QTS_NewPromiseCapability",
  "QTS_PromiseState",
  "QTS_PromiseResult",
  "QTS_TestStringArg",
  "QTS_GetDebugLogEnabled",
  "QTS_SetDebugLogEnabled",
  "QTS_BuildIsDebug",
  "QTS_BuildIsAsyncify",
  "QTS_NewFunction",
  "QTS_ArgvGetJSValueConstPointer",
  "QTS_RuntimeEnableInterruptHandler",
  "QTS_RuntimeDisableInterruptHandler",
  "QTS_RuntimeEnableModuleLoader",
  "QTS_RuntimeDisableModuleLoader",
] as const;

/** The linker's names: a letter, `_` or `$`, then two of these. */
const FIRST = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$";

const files = new OwnFiles(import.meta.url);

/** The released build with its small functions inlined; scripts/inline-build.mjs makes it, and leaves the names. */
export const RELEASE: QuickJSBuild = {
  get path() {
    return files.required("../build/quickjs.wasm");
  },
  imports: RELEASE_IMPORTS,
  exportName(cName) {
    // The imports took the names up to `t`; the constructors are `u`.
    return shortName(cName === "__wasm_call_ctors" ? 20 : 21 + EXPORTS.indexOf(cName));
  },
};

/** Compiles a build once per process: the code is shared by all memories. */
export function compileBuild(build: QuickJSBuild): Promise<WasmModule> {
  let module = compiled.get(build);
  if (module === undefined) {
    module = readFile(build.path).then((bytes) => Wasm.compile(bytes));
    compiled.set(build, module);
  }
  return module;
}

const compiled = new WeakMap<QuickJSBuild, Promise<WasmModule>>();

function shortName(index: number): string {
  if (index < FIRST.length) return FIRST.charAt(index);
  return (
    FIRST.charAt((index - FIRST.length) % FIRST.length) +
    FIRST.charAt(Math.floor((index - FIRST.length) / FIRST.length))
  );
}

/**
 * The part of Node's global `WebAssembly` that the engine uses, with types: `@types/node` for Node 20 has none, and
 * the `dom` library would bring a browser's globals along.
 */

/** Compiled code without state. Opaque. */
export interface WasmModule {
  readonly [Symbol.toStringTag]: "WebAssembly.Module";
}

export interface WasmMemory {
  /** Detached, and replaced by another, whenever the memory grows. */
  readonly buffer: ArrayBuffer;
  /** By so many pages of 64 KiB. */
  grow(pages: number): number;
}

/** One that the guest can set: an `i64` is a bigint. */
export interface WasmGlobal<Value extends number | bigint = number> {
  value: Value;
}

export type WasmFunction = (...args: never[]) => unknown;
export type WasmImports = Record<string, Record<string, WasmFunction>>;

export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

interface WebAssemblyApi {
  compile(bytes: Uint8Array): Promise<WasmModule>;
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: WasmImports) => WasmInstance;
  /** A module that is not valid. */
  readonly CompileError: new (
    message?: string,
  ) => Error;
  /** A trap. */
  readonly RuntimeError: new (
    message?: string,
  ) => Error;
  /** An exception of the guest's own that it did not catch. */
  readonly Exception: abstract new () => object;
}

export const wasmApi = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;

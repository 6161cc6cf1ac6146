/**
 * The part of Node's `WebAssembly` that the engine uses. TypeScript declares it with the browser's globals only, which
 * this package's types must not ask its users to have.
 */
export interface WasmApi {
  readonly Memory: new (descriptor: { initial: number; maximum: number }) => WasmMemory;
  readonly Module: {
    /** Compiles on the calling thread. */
    new (bytes: Uint8Array): WasmModule;
    imports(module: WasmModule): { module: string; name: string; kind: string }[];
  };
  readonly Instance: new (
    module: WasmModule,
    imports: WasmImports,
  ) => { readonly exports: Readonly<Record<string, unknown>> };
  readonly RuntimeError: new (message: string) => Error;
  compile(bytes: Uint8Array): Promise<WasmModule>;
}

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** Throws a RangeError where it cannot grow. */
  grow(pages: number): number;
}

/** One that code can set. */
export interface WasmGlobal {
  value: number;
}

/** Compiled code, shared by all memories. Opaque. */
export type WasmModule = object;
/** A function takes and returns numbers, or a `bigint` for 64 bits. */
export type WasmImport = WasmMemory | ((...args: never[]) => unknown);
export type WasmImports = Record<string, Record<string, WasmImport>>;

export const Wasm: WasmApi = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly;

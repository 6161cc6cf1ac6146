import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type QuickJSBuild, RELEASE, type ReadableMemory } from "../src/build.ts";
import { Wasm } from "../src/webassembly.ts";

const WASI = "wasi_snapshot_preview1";
const WASI_IMPORTS = new Set(["environ_get", "environ_sizes_get", "fd_write", "fd_close", "fd_seek", "proc_exit"]);
const path = createRequire(import.meta.url).resolve("@jitl/quickjs-wasmfile-debug-sync/wasm");

/**
 * quickjs-emscripten's debug build, which has a leak sanitizer in it, and what that prints. Its names are not shortened.
 */
export function sanitizedBuild(printed: string[]): QuickJSBuild {
  const imports = Object.fromEntries(
    Object.keys(RELEASE.imports).map((name) => [name, [WASI_IMPORTS.has(name) ? WASI : "env", name]]),
  );
  return {
    path,
    imports: imports as unknown as QuickJSBuild["imports"],
    exportName: (cName) => cName,
    extraImports: (memory) => ({
      env: nothing("env"),
      [WASI]: { ...nothing(WASI), fd_write: writer(memory, printed) },
    }),
  };
}

/** The sanitizer asks for stack traces and options; it does without. */
function nothing(from: string): Record<string, () => number> {
  const known = new Set(Object.keys(RELEASE.imports));
  const extra = Wasm.Module.imports(new Wasm.Module(readFileSync(path))).filter(
    ({ module, kind, name }) => module === from && kind === "function" && !known.has(name),
  );
  return Object.fromEntries(extra.map(({ name }) => [name, () => 0]));
}

function writer(memory: ReadableMemory, printed: string[]) {
  return (_file: number, vectors: number, count: number, written: number) => {
    let total = 0;
    for (let i = 0; i < count; i++) {
      const [pointer = 0, length = 0] = words(memory, vectors + 8 * i, 2);
      printed.push(Buffer.from(memory.bytes(pointer, length)).toString());
      total += length;
    }
    Buffer.from(memory.bytes(written, 4).buffer, written, 4).writeUInt32LE(total);
    return 0;
  };
}

function words(memory: ReadableMemory, at: number, count: number): number[] {
  const bytes = Buffer.from(memory.bytes(at, 4 * count));
  return Array.from({ length: count }, (_, index) => bytes.readUInt32LE(4 * index));
}

import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import {
  type Folder,
  MemoryImage,
  type ModuleShape,
  readShape,
  type WasmModule,
  wasmApi,
} from "@extruntime/wasm/machine";
import { ExtensionError, OwnFiles } from "extruntime/engine";
import { readStandardLibrary } from "../files/standard-library.ts";
import { Interpreter, type InterpreterImage } from "./interpreter.ts";

/** The interpreter's code, compiled once in a process (or a thread), with what all interpreters begin with. */
export interface PythonCode {
  readonly module: WasmModule;
  readonly shape: ModuleShape;
  /** Pages of 64 KiB that a memory begins with. */
  readonly pages: number;
}

/** The same, and the state of a Python that was started. */
export interface StartedPython extends PythonCode {
  readonly standardLibrary: Folder;
  readonly image: InterpreterImage;
}

/** Names of the files in `build/`. */
export const BUILD = { code: "python.wasm", image: "python.image", library: "stdlib.bin.br" } as const;

const files = new OwnFiles(import.meta.url);
let started: Promise<StartedPython> | undefined;

/** What is wrong where files of this package are missing, as in a clone of the repository in which the interpreter was not built. */
export function missingFiles(): string | undefined {
  try {
    for (const name of Object.values(BUILD)) files.required(`../../build/${name}`);
  } catch (error) {
    if (ExtensionError.is(error))
      return `${error.message}. In a clone of the repository npm test builds them, where the compilers are there`;
    throw error;
  }
  return undefined;
}

/**
 * Reads Python the first time that it is asked for.
 *
 * @throws ExtensionError `ERR_EXT_UNSUPPORTED` where the files of this package are not there.
 */
export function startedPython(): Promise<StartedPython> {
  started ??= read();
  started.catch(() => {
    started = undefined;
  });
  return started;
}

export async function compileCode(bytes: Uint8Array): Promise<PythonCode> {
  const shape = readShape(bytes);
  const pages = shape.imports.find(({ kind }) => kind === "memory")!.pages!;
  return { module: await wasmApi.compile(bytes), shape, pages };
}

/** Starts Python from nothing, as the build of this package does once. */
export function startPython(
  code: PythonCode,
  standardLibrary: Folder,
  pythonHalf: string,
  hashSeed: number,
): InterpreterImage {
  const interpreter = new Interpreter(code, new Map([["lib", standardLibrary]]));
  interpreter.start(pythonHalf, hashSeed);
  return interpreter.image();
}

async function read(): Promise<StartedPython> {
  const [code, image, standardLibrary] = await Promise.all([
    file(BUILD.code).then(compileCode),
    file(BUILD.image).then((bytes) => MemoryImage.from(bytes)),
    file(BUILD.library).then(promisify(brotliDecompress)).then(readStandardLibrary),
  ]);
  return { ...code, standardLibrary, image: { memory: image, openFiles: [] } };
}

async function file(name: string): Promise<Buffer> {
  try {
    return await readFile(files.required(`../../build/${name}`));
  } catch (error) {
    if (!ExtensionError.is(error)) throw error;
    throw new ExtensionError(
      error.code,
      `${error.message}; in a clone of the repository run \`node scripts/get-pywasm.mjs\` and then \`npm run build\``,
      { cause: error },
    );
  }
}

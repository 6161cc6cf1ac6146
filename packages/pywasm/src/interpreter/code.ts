import { readFile } from "node:fs/promises";
import type { Folder } from "@extruntime/wasm/machine";
import { type ModuleShape, readShape, type WasmModule, wasmApi } from "@extruntime/wasm/machine";
import { OwnFiles } from "extruntime/engine";
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

const files = new OwnFiles(import.meta.url);
let started: Promise<StartedPython> | undefined;

/** Starts Python the first time that it is asked for. */
export function startedPython(): Promise<StartedPython> {
  started ??= start();
  started.catch(() => {
    started = undefined;
  });
  return started;
}

async function start(): Promise<StartedPython> {
  const read = (name: string) => readFile(files.required(`../../build/${name}`));
  const [bytes, standardLibrary, pythonHalf] = await Promise.all([
    read("python.wasm"),
    read("stdlib.bin").then(readStandardLibrary),
    read("python-half.py"),
  ]);
  const shape = readShape(bytes);
  const pages = shape.imports.find(({ kind }) => kind === "memory")!.pages!;
  const code = { module: await wasmApi.compile(bytes), shape, pages };
  const interpreter = new Interpreter(code, new Map([["lib", standardLibrary]]));
  interpreter.start(pythonHalf.toString());
  return { ...code, standardLibrary, image: interpreter.image() };
}

import { badManifest, type Extension, ExtensionError, guestError } from "extruntime/engine";
import { EXTRUNTIME, refusalOf } from "../machine/host-functions.ts";
import type { ModuleShape } from "../machine/module/module-shape.ts";

/**
 * Tells the two ABIs apart by what a module exports, and checks all that an instance will rely on, types included, so
 * that a module that cannot work fails at load and without a line of it having run.
 */

/** `pointer`: `__base_alloc`, `__base_free` and functions of `(ptr, len)`. `command`: a WASI program with `_start`. */
export type Abi = "pointer" | "command";

export const ALLOC = "__base_alloc";
export const FREE = "__base_free";
export const START = "_start";
/** Of a WASI reactor: called once in each instance, before anything else; so is `_start` of a module of the pointer ABI without it. */
export const INITIALIZE = "_initialize";
export const MEMORY = "memory";

const GUEST_FUNCTION = "(i32, i32) -> i64";
const NOTHING = "() -> ()";
/** Both are far above what compilers emit. More would take memory of the host that no limit counts. */
const MAX_GLOBALS = 100_000;
const MAX_EXCEPTION_VALUES = 16;

/** @throws ExtensionError `ERR_EXT_BAD_MANIFEST`, `ERR_EXT_UNSUPPORTED`, `ERR_EXT_UNKNOWN_FUNCTION` */
export function checkAbi(shape: ModuleShape, extension: Extension): Abi {
  checkFeatures(shape, extension);
  checkImports(shape, extension);
  const abi = abiOf(shape, extension);
  if (shape.exports.get(MEMORY)?.kind !== "memory")
    throw badModule(extension, `exports no memory named "${MEMORY}"${exportsOf(shape)}`);
  if (abi === "command") {
    checkExport(shape, extension, START, NOTHING);
    if (importsHostCall(shape)) checkAllocator(shape, extension);
    return abi;
  }
  checkAllocator(shape, extension);
  for (const name of [INITIALIZE, START]) if (shape.exports.has(name)) checkExport(shape, extension, name, NOTHING);
  for (const name of extension.manifest.exports) {
    if (shape.exports.get(name)?.kind !== "function")
      throw new ExtensionError(
        "ERR_EXT_UNKNOWN_FUNCTION",
        `${extension.location}: "exports" names ${name}, which ${extension.manifest.module} does not export as a function${exportsOf(shape)}`,
        { function: name },
      );
    checkExport(shape, extension, name, GUEST_FUNCTION);
  }
  return abi;
}

/** What a guest did against its ABI, in a call. */
export function abiError(problem: string): ExtensionError {
  return guestError({ name: "AbiError", message: problem, stack: "" });
}

export function importsHostCall({ imports }: ModuleShape): boolean {
  return imports.some(({ module, name }) => module === EXTRUNTIME && name === "host_call");
}

function abiOf(shape: ModuleShape, extension: Extension): Abi {
  const hasAllocator = shape.exports.has(ALLOC) || shape.exports.has(FREE);
  if (shape.exports.has(START) && (!hasAllocator || isCommandThatCallsHost(shape, extension))) return "command";
  if (hasAllocator) return "pointer";
  throw badModule(
    extension,
    `is of neither ABI: it exports neither ${ALLOC} and ${FREE} (pointer ABI) nor ${START} (WASI command)${exportsOf(shape)}`,
  );
}

/** Such a command has an allocator too, for the host's answers; but its functions are not exports. */
function isCommandThatCallsHost(shape: ModuleShape, { manifest }: Extension): boolean {
  return importsHostCall(shape) && !manifest.exports.some((name) => shape.exports.has(name));
}

function checkAllocator(shape: ModuleShape, extension: Extension): void {
  for (const name of [ALLOC, FREE])
    if (importsHostCall(shape) && !shape.exports.has(name))
      throw badModule(
        extension,
        `imports ${EXTRUNTIME}.host_call, so it must export ${ALLOC} and ${FREE} for the host's answers, and has no ${name}${exportsOf(shape)}`,
      );
  checkExport(shape, extension, ALLOC, "(i32) -> i32");
  checkExport(shape, extension, FREE, "(i32, i32) -> ()");
}

function checkExport(shape: ModuleShape, extension: Extension, name: string, signature: string): void {
  const found = shape.exports.get(name);
  if (found?.signature === signature) return;
  if (found?.kind !== "function") throw badModule(extension, `exports no function ${name}${exportsOf(shape)}`);
  throw badModule(extension, `exports ${name} of type ${found.signature}, and it must be ${signature}`);
}

function checkFeatures(shape: ModuleShape, extension: Extension): void {
  if (shape.usesGarbageCollection)
    throw unsupported(
      extension,
      "uses garbage-collected types, whose values no memory limit counts; build it for linear memory",
    );
  if (shape.globals > MAX_GLOBALS)
    throw unsupported(extension, `has ${shape.globals} globals; up to ${MAX_GLOBALS} are allowed`);
  if (shape.exceptionValues > MAX_EXCEPTION_VALUES)
    throw unsupported(
      extension,
      `has exceptions of ${shape.exceptionValues} values; up to ${MAX_EXCEPTION_VALUES} are allowed`,
    );
}

function checkImports(shape: ModuleShape, extension: Extension): void {
  for (const { module, name, kind, signature } of shape.imports) {
    const what = `imports ${JSON.stringify(module).slice(0, 80)} ${JSON.stringify(name).slice(0, 80)}`;
    if (kind === "memory")
      throw unsupported(
        extension,
        `${what}, a memory; it must define its own and export it as "${MEMORY}" (no --import-memory, no --importMemory)`,
      );
    if (kind !== "function") throw unsupported(extension, `${what}, a ${kind}; guests are given functions only`);
    const refusal = refusalOf(module, name, signature ?? "?");
    if (refusal !== undefined)
      throw unsupported(
        extension,
        `${what}, which ${refusal}; guests have WASI preview 1 (without files, environment and sockets), AssemblyScript's env, and ${EXTRUNTIME}.host_call and fail`,
      );
  }
}

/** The functions that the module does export, for the message. */
function exportsOf(shape: ModuleShape): string {
  const names = [...shape.exports].filter(([, item]) => item.kind === "function").map(([name]) => name.slice(0, 80));
  const shown = names.slice(0, 10).join(", ");
  return `; its functions are ${names.length === 0 ? "none" : shown}${names.length > 10 ? ", …" : ""}`;
}

function badModule(extension: Extension, problem: string): ExtensionError {
  return badManifest(extension.location, `${extension.manifest.module} ${problem}`);
}

function unsupported(extension: Extension, problem: string): ExtensionError {
  return new ExtensionError("ERR_EXT_UNSUPPORTED", `${extension.location}: ${extension.manifest.module} ${problem}`);
}

import { randomInt } from "node:crypto";
import { guestError } from "extruntime/engine";
import type { BoundedLog } from "./bounded-log.ts";
import type { ASSEMBLYSCRIPT_FUNCTIONS } from "./host-functions.ts";
import type { LinearMemory } from "./linear-memory.ts";
import type { ModuleShape } from "./module-shape.ts";
import type { StopSwitch } from "./stop.ts";
import type { WasmFunction } from "./webassembly.ts";

/**
 * What AssemblyScript's standard library imports from `env`: `abort` (a `throw`, a failed assertion), `seed` (the start of
 * `Math.random`), `trace` and the console. Strings are UTF-16 with their length in bytes in the four bytes before them.
 */

const MAX_TEXT_BYTES = 8 * 1024;
const SEED_RANGE = 2 ** 47;

type EnvFunctions = { readonly [Name in keyof typeof ASSEMBLYSCRIPT_FUNCTIONS]: WasmFunction };

export function assemblyScriptImports(
  shape: ModuleShape,
  memory: LinearMemory,
  stop: StopSwitch,
  log: BoundedLog,
): Record<string, WasmFunction> {
  const text = (pointer: number): string => readText(memory, pointer >>> 0);
  const all: EnvFunctions = {
    abort: (message: number, file: number, line: number, column: number) => {
      const what = text(message) || "abort";
      const stack = `Error: ${what}\n    at ${text(file) || "?"}:${line >>> 0}:${column >>> 0}`;
      stop.stop(guestError({ name: "Error", message: what, stack }));
    },
    seed: () => randomInt(SEED_RANGE),
    trace: (message: number, count: number, ...values: number[]) =>
      log.line("debug", [text(message), ...values.slice(0, Math.max(0, count))].join(" ")),
    "console.log": (message: number) => log.line("info", text(message)),
    "console.info": (message: number) => log.line("info", text(message)),
    "console.debug": (message: number) => log.line("debug", text(message)),
    "console.warn": (message: number) => log.line("warn", text(message)),
    "console.error": (message: number) => log.line("error", text(message)),
  };
  const wanted = shape.imports.filter((item) => item.module === "env").map((item) => item.name as keyof EnvFunctions);
  return Object.fromEntries(wanted.map((name) => [name, all[name]]));
}

/** Empty for a null pointer and for one that does not lead to a string inside the memory. */
function readText(memory: LinearMemory, pointer: number): string {
  if (pointer < 4 || !memory.has(pointer, 0)) return "";
  const length = memory.bytes.readUInt32LE(pointer - 4);
  if (!memory.has(pointer, length)) return "";
  return memory.bytes.toString("utf16le", pointer, pointer + Math.min(length, MAX_TEXT_BYTES));
}

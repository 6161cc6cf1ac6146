import type { Escape } from "./escape.ts";
import { javascriptEscapes } from "./javascript.ts";
import { pythonEscapes } from "./python.ts";
import { wasmEscapes } from "./wasm.ts";

const BY_LANGUAGE: Readonly<Record<string, readonly Escape[]>> = {
  javascript: javascriptEscapes,
  python: pythonEscapes,
  wasm: wasmEscapes,
};

/** The attempts that the kit brings for a language; none for one that it does not know. */
export function escapesOf(language: string): readonly Escape[] {
  return Object.hasOwn(BY_LANGUAGE, language) ? BY_LANGUAGE[language]! : [];
}

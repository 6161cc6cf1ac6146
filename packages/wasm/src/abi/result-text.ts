import { constants } from "node:buffer";
import { ExtensionError } from "extruntime/engine";
import type { TextBuffer } from "../machine/memory/linear-memory.ts";
import { readUtf8 } from "../machine/memory/utf8.ts";

/** What a guest that returns nothing gives. */
const NOTHING = "null";

/** A result's text, copied out; `null` for an empty one; `undefined` for bytes that are not UTF-8. */
export function readResult(bytes: TextBuffer, start: number, end: number): string | undefined {
  if (start === end) return NOTHING;
  if (end - start > constants.MAX_STRING_LENGTH) throw badResult(`is too long for a string: ${end - start} bytes`);
  return readUtf8(bytes, start, end);
}

export function badResult(problem: string): ExtensionError {
  return new ExtensionError("ERR_EXT_BAD_RESULT", `the guest's result ${problem}`);
}

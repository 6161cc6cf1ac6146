import { constants, isUtf8 } from "node:buffer";
import { ExtensionError } from "extruntime/engine";
import type { TextBuffer } from "./linear-memory.ts";

const REPLACEMENT = "\uFFFD";
/** What a guest that returns nothing gives. */
const NOTHING = "null";

/** A result's text, copied out; `null` for an empty one; `undefined` for bytes that are not UTF-8. */
export function readResult(bytes: TextBuffer, start: number, end: number): string | undefined {
  if (start === end) return NOTHING;
  if (end - start > constants.MAX_STRING_LENGTH) throw badResult(`is too long for a string: ${end - start} bytes`);
  const text = bytes.utf8Slice(start, end);
  // Decoding puts U+FFFD in the place of what is not UTF-8, so only a text with one in it needs a look.
  if (text.includes(REPLACEMENT) && !isUtf8(bytes.subarray(start, end))) return undefined;
  return text;
}

export function badResult(problem: string): ExtensionError {
  return new ExtensionError("ERR_EXT_BAD_RESULT", `the guest's result ${problem}`);
}

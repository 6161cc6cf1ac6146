import { isUtf8 } from "node:buffer";
import type { TextBuffer } from "./linear-memory.ts";

const REPLACEMENT = "\uFFFD";

/** The text of these bytes, copied out; `undefined` where they are not UTF-8. They must not be more than a string can hold. */
export function readUtf8(bytes: TextBuffer, start: number, end: number): string | undefined {
  const text = bytes.utf8Slice(start, end);
  // Decoding puts U+FFFD in the place of what is not UTF-8, so only a text with one in it needs a look.
  if (text.includes(REPLACEMENT) && !isUtf8(bytes.subarray(start, end))) return undefined;
  return text;
}

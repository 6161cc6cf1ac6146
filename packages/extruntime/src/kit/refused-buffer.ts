import type { GuestErrorDetails } from "../errors.ts";

/** The first frame is V8's own: one of the constructors and methods that make buffers. */
const MADE_BY_V8 =
  /^RangeError: Array buffer allocation failed.*\n\s+at (?:new \w*(?:Array|ArrayBuffer)|ArrayBuffer\.\w+) \(<anonymous>\)/;

/** Whether V8 refused a buffer. A guest may throw an error of the same words; that one's stack begins in the guest. */
export function isRefusedBuffer({ name, message, stack }: GuestErrorDetails): boolean {
  return name === "RangeError" && message.startsWith("Array buffer allocation failed") && MADE_BY_V8.test(stack);
}

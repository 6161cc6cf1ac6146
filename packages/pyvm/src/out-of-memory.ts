import type { GuestErrorDetails } from "extruntime/engine";

/** The line of a traceback's last frame, and what follows it up to the error itself. */
const LAST_FRAME = /^ {2}File .*\n {4}(\S.*)\n(?!(?:.*\n)*? {2}File )/m;

/** Whether it is a `MemoryError` that no `raise` of the guest's made. */
export function isOutOfMemory({ name, stack }: GuestErrorDetails): boolean {
  return name.endsWith("MemoryError") && !/^raise\b/.test(LAST_FRAME.exec(stack)?.[1] ?? "");
}

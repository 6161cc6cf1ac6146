import { writeFileSync } from "node:fs";
import { constants, getPriority, setPriority } from "node:os";
import { ownThread } from "../wire/processor-use.ts";

/**
 * Steps below the host's priority. With none, the host's thread was seen to wait 6 ms and more (99th percentile) where guests and another
 * program kept two cores busy, and with five less than 5 ms; the guests' own rate was the same.
 */
const STEPS = 5;

/**
 * Lets the host's thread go before this one, and before the threads that this one starts from here on. Where guests keep every
 * core busy it would else wait for a whole slice of the scheduler, some milliseconds, whenever it wakes. Linux only: elsewhere
 * a single thread's priority cannot be set.
 */
export function giveWay(): void {
  attempt(() => {
    const thread = ownThread();
    // 0 is the process's first thread.
    if (thread === 0) return;
    setPriority(thread, Math.min(constants.priority.PRIORITY_LOW, getPriority(thread) + STEPS));
  });
}

/** The same for a process that leads a session of its own, which Linux may schedule as a group: only the group's priority then counts beside the host's. */
export function giveWayAsProcess(): void {
  giveWay();
  attempt(() => writeFileSync("/proc/self/autogroup", String(STEPS)));
}

/** Without /proc, or where a filter of system calls forbids it, it goes without. */
function attempt(act: () => void): void {
  if (process.platform !== "linux") return;
  try {
    act();
  } catch {
    // As said.
  }
}

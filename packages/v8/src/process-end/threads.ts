import { readdirSync, readFileSync } from "node:fs";

/** What the other threads of this process do, as far as the platform tells. */

/** Threads, but for this one, that run or are about to; `undefined` where they cannot be looked at. */
export function runningThreads(): number | undefined {
  if (process.platform !== "linux") return undefined;
  return readdirSync("/proc/self/task").filter((thread) => thread !== String(process.pid) && stateOf(thread) !== "S")
    .length;
}

/** The state of a thread is the third field of its `stat`. */
function stateOf(thread: string): string {
  try {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, "latin1");
    return stat.charAt(stat.lastIndexOf(")") + 2);
  } catch {
    // It has ended since.
    return "S";
  }
}

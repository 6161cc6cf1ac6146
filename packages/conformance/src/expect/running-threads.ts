import { readdirSync, readFileSync } from "node:fs";
import { descendants } from "./processes.ts";

/** Where Linux shows what a thread does. */
const PROC = "/proc";

/**
 * Threads of this process, its main one left out, and of the processes below it, by the paths of their states.
 * `undefined` where the system does not show them.
 */
export async function otherThreads(): Promise<string[] | undefined> {
  if (process.platform !== "linux") return undefined;
  const threads = [process.pid, ...(await descendants())].flatMap(threadsOf);
  return threads.filter((path) => path !== `${PROC}/${process.pid}/task/${process.pid}/stat`);
}

/**
 * How many of them are on a core at this moment, or wait for nothing but a core; one that waits for a lock is not counted.
 * Synchronous, since reading files asynchronously would keep threads of this process running.
 */
export function countRunning(threads: readonly string[]): number {
  return threads.filter((path) => stateOf(path) === "R").length;
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`${PROC}/${pid}/task`).map((id) => `${PROC}/${pid}/task/${id}/stat`);
  } catch {
    // It has ended.
    return [];
  }
}

/** The letter after the name, which is in parentheses and may have some of its own. */
function stateOf(path: string): string | undefined {
  try {
    const text = readFileSync(path, "utf8");
    return text.slice(text.lastIndexOf(")") + 2)[0];
  } catch {
    return undefined;
  }
}

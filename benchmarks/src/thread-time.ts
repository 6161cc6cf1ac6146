import { readFileSync } from "node:fs";

/**
 * Nanoseconds of processor time that the calling thread, which must be the process's first, has used: what a call costs the
 * service's event loop, wherever else it runs. `undefined` where the system does not tell.
 */
export function mainThreadTime(): number | undefined {
  const { threadCpuUsage } = process as { threadCpuUsage?: () => { user: number; system: number } };
  if (threadCpuUsage !== undefined) {
    const { user, system } = threadCpuUsage();
    return (user + system) * 1000;
  }
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0]);
  } catch {
    return undefined;
  }
}

import { readdirSync, readFileSync } from "node:fs";

/** Bytes of memory that this process and its children hold, pages shared among them counted once. */
export function residentBytes(): number {
  let total = 0;
  for (const pid of tree(process.pid))
    total += proportional(pid) ?? (pid === process.pid ? process.memoryUsage.rss() : 0);
  return total;
}

/** Collects what nobody holds, twice: what a first collection frees may hold more. */
export function collect(): void {
  globalThis.gc?.();
  globalThis.gc?.();
}

function tree(pid: number): number[] {
  const children: number[] = [];
  try {
    for (const task of readdirSync(`/proc/${pid}/task`))
      for (const child of readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" "))
        if (child !== "") children.push(...tree(Number(child)));
  } catch {
    // No /proc, or the process has just ended: then this one alone is counted.
  }
  return [pid, ...children];
}

function proportional(pid: number): number | undefined {
  try {
    const kilobytes = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

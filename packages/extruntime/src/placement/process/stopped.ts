import { readFileSync } from "node:fs";

/** Processes that are looked at: a guest may have started many. */
const MOST_SEEN = 64;

/** Whether a process, or one that came from it, was stopped by a signal or a debugger; `undefined` where the system does not tell. */
export function isStopped(pid: number): boolean | undefined {
  const first = look(pid);
  if (first === undefined) return undefined;
  // Grows as it goes: a supervisor's child, that one's, and so on. One that has ended meanwhile is not stopped.
  const looks = [first];
  for (let seen = 0; seen < looks.length; seen++) {
    const { stopped, children } = looks[seen]!;
    if (stopped) return true;
    for (const child of children) {
      const next = looks.length < MOST_SEEN ? look(child) : undefined;
      if (next !== undefined) looks.push(next);
    }
  }
  return false;
}

function look(pid: number): { stopped: boolean; children: number[] } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1");
    // `<pid> (<name>) <state> …`, and a name may hold anything.
    const stopped = /^[tT]/.test(stat.slice(stat.lastIndexOf(")") + 2));
    return { stopped, children: children.split(" ").filter(Boolean).map(Number) };
  } catch {
    return undefined;
  }
}

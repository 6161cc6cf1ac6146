import { readdirSync, readFileSync } from "node:fs";

/** Processes that come from this one, children's children included. Linux only; elsewhere none is found. */
export function descendants(): number[] {
  const parents = new Map<number, number>();
  for (const name of safely(() => readdirSync("/proc")) ?? []) {
    const stat = /^\d+$/.test(name) ? safely(() => readFileSync(`/proc/${name}/stat`, "latin1")) : undefined;
    // `pid (name) state ppid …`; the name may hold anything.
    const [state, parent] = stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
    if (state !== undefined && state !== "Z") parents.set(Number(name), Number(parent));
  }
  const found: number[] = [];
  for (let next = [process.pid]; next.length > 0; ) {
    next = [...parents].filter(([, parent]) => next.includes(parent)).map(([pid]) => pid);
    found.push(...next);
  }
  return found;
}

/** Ends one of them at once, unless it is gone. */
export function end(pid: number): void {
  safely(() => process.kill(pid, "SIGKILL"));
}

function safely<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}

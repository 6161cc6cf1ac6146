import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { descendants } from "./processes.ts";

/** Milliseconds for which the engine is watched. Long enough for a thread that wants a core to get some of it beside twenty others. */
const WATCH_MS = 120;
/** Milliseconds of processor time in {@link WATCH_MS} that timers, collectors and the watching itself take. A thread that computes takes more, however busy the machine is. */
const IDLE_MS = 5;
/** Milliseconds of {@link WATCH_MS} for which a thread that rests may wait for a processor, when it is woken. One that computes waits for all of it where it gets none. */
const WAITING_MS = 80;

/** Processor time, in milliseconds, of this process and of the processes below it, all of their threads included. How busy the machine is makes no difference. */
export async function processorTime(): Promise<() => number> {
  const below = await descendants();
  return () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000 + below.reduce((sum, pid) => sum + timeOf(pid), 0);
  };
}

/** The same without this process's main thread, which looks and waits. `undefined` where the system does not show its threads. */
export async function engineTime(): Promise<(() => number) | undefined> {
  const time = await processorTime();
  const main = () => threadTime(process.pid, String(process.pid));
  return main() === 0 ? undefined : () => time() - main();
}

/** How long the thread that waited longest for a processor has done so since, in milliseconds, of all that {@link processorTime} counts but this one. */
async function longestWait(): Promise<() => number> {
  const below = await descendants();
  const threads = [process.pid, ...below].flatMap((pid) =>
    threadsOf(pid)
      .filter((id) => id !== String(process.pid))
      .map((id) => ({ pid, id, before: threadStat(pid, id, 1) })),
  );
  return () => Math.max(0, ...threads.map(({ pid, id, before }) => threadStat(pid, id, 1) - before));
}

/** Fails where something of the engine computes on: there is no while in which it lets the processor be. */
export async function expectIdle(what: string, patienceMs: number): Promise<void> {
  const end = performance.now() + patienceMs;
  for (;;) {
    // Anew each time: a worker may have been replaced.
    const time = await processorTime();
    const waits = await longestWait();
    await new Promise((resolve) => setImmediate(resolve));
    const before = time();
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    const used = time() - before;
    if (used <= IDLE_MS && waits() <= WAITING_MS) return;
    assert.ok(
      performance.now() < end,
      `${what} has ended, and the engine computes on: it used ${Math.round(used)} ms of processor time in the last ${WATCH_MS} ms`,
    );
  }
}

/** Resolves once the engine has computed for so many milliseconds, so that a guest is known to be under way. */
export async function untilComputing(ms: number, action: () => void, patienceMs: number): Promise<void> {
  const time = await processorTime();
  const before = time();
  action();
  const end = performance.now() + patienceMs;
  while (time() - before < ms && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Of a process, in milliseconds; 0 once it has ended. */
function timeOf(pid: number): number {
  return threadsOf(pid).reduce((sum, id) => sum + threadTime(pid, id), 0);
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function threadTime(pid: number, id: string): number {
  return threadStat(pid, id, 0);
}

/** Milliseconds: the first number of a thread's is that on a processor, the second that of waiting for one. */
function threadStat(pid: number, id: string, index: 0 | 1): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8").split(" ")[index]) / 1e6;
  } catch {
    return 0;
  }
}

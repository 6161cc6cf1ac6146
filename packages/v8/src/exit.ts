import { readdirSync, readFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import { lost, running } from "./running.ts";

/**
 * The end of the process. isolated-vm waits at exit for the threads that run guests, for ever if need be, and Node crashes
 * where one of them is half way through taking an isolate down. So a process that exits ends its guests first, and waits
 * until their threads are at rest.
 */

/** Milliseconds between two looks at the threads, and of looking at all. */
const SLICE = 5;
const PATIENCE = 1000;
/** Looks in a row at which all rest, after which they are taken to have ended their work. */
const LOOKS = 3;
/** Milliseconds that taking an isolate down may last; on a busy machine it is a few. */
const TAKEDOWN = 2000;

let lastDisposal = Number.NEGATIVE_INFINITY;
/** Guests that run on this thread, one in the other's console. */
let here = 0;
let watching = false;

/** To be called before the first guest runs. */
export function watchExit(): void {
  if (watching) return;
  watching = true;
  process.on("exit", (code) => endGuests(code));
}

/** A guest runs on this thread from here to `leave`. */
export function enter(): void {
  here++;
}

export function leave(): void {
  here--;
}

/** An isolate was disposed of: some thread may be taking it down. */
export function disposed(): void {
  lastDisposal = performance.now();
}

function endGuests(code: number): void {
  if (here > 0 || [...running].some((guest) => guest.waits)) endHard(code);
  for (const guest of [...running]) guest.kill(new Error("the process exits"));
  if (performance.now() - lastDisposal < TAKEDOWN && !cameToRest()) endHard(code);
  if (lost.length > 0) endHard(code);
}

/** Waits until nothing runs but this thread. `false` where something still does, such as a guest deep inside V8. */
function cameToRest(): boolean {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const atRest = process.platform === "linux" ? threadsSleep : nothingComputed;
  let looks = 0;
  for (let waited = 0; waited < PATIENCE && looks < LOOKS; waited += SLICE) {
    const before = process.cpuUsage();
    Atomics.wait(cell, 0, 0, SLICE);
    looks = atRest(before) ? looks + 1 : 0;
  }
  return looks === LOOKS;
}

/** Whether every thread but this one sleeps. The state of a thread is the third field of its `stat`. */
function threadsSleep(): boolean {
  return readdirSync("/proc/self/task").every((thread) => thread === String(process.pid) || stateOf(thread) === "S");
}

function stateOf(thread: string): string {
  try {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, "latin1");
    return stat.charAt(stat.lastIndexOf(")") + 2);
  } catch {
    // It has ended since.
    return "S";
  }
}

/** Where threads cannot be looked at: whether the process used less than a fifth of a core since then. */
function nothingComputed(before: NodeJS.CpuUsage): boolean {
  const { user, system } = process.cpuUsage(before);
  return user + system < SLICE * 200;
}

/** Ends the process without the clean-up that would wait for ever. Keeps the exit code where Node can replace the process's image. */
function endHard(code: number): void {
  if (!isMainThread) return;
  const { execve } = process as { execve?: (file: string, args: string[], env: Record<string, string>) => never };
  try {
    execve?.call(process, "/bin/sh", ["sh", "-c", `exit ${code}`], {});
  } catch {
    // Not to be had on this platform.
  }
  process.kill(process.pid, "SIGKILL");
}

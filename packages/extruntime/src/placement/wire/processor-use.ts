import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

/** What a thread has had of the processors since it began. */
export interface ProcessorUse {
  /** Milliseconds that it ran. */
  readonly ranMs: number;
  /** Milliseconds that it was ready to run, and others had the processors; `undefined` where the system does not tell. */
  readonly waitedMs: number | undefined;
  readonly ready: Ready;
}

/**
 * Which thread runs or is ready to: itself, where what it has waited by now is counted only when it gets a processor, or else another one of its process, for
 * which it may wait, as for those that collect its garbage. `none` where the system does not tell.
 */
export type Ready = (typeof READY)[number];
export const READY = ["itself", "others", "none"] as const;

/**
 * Of a thread of this process, by its number in the system. Where the system does not tell of single threads, what the whole process ran: no thread of it ran
 * longer.
 */
export function useOf(thread: number): ProcessorUse {
  try {
    const text = readFileSync(`/proc/self/task/${thread}/schedstat`, "latin1");
    const [ran, waited] = text.split(" ").map((nanoseconds) => Number(nanoseconds) / 1e6);
    if (ran! > 0) return { ranMs: ran!, waitedMs: waited!, ready: whoIsReady(thread) };
  } catch {
    // No Linux, no such statistics, or no such thread.
  }
  const { user, system } = process.cpuUsage();
  return { ranMs: (user + system) / 1000, waitedMs: undefined, ready: "none" };
}

function whoIsReady(thread: number): Ready {
  if (isReady(thread)) return "itself";
  // Who asks is so itself.
  const own = ownThread();
  const others = readdirSync("/proc/self/task").map(Number);
  return others.some((other) => other !== own && isReady(other)) ? "others" : "none";
}

function isReady(thread: number): boolean {
  try {
    // `<tid> (<name>) <state> …`, and a name may hold anything.
    const text = readFileSync(`/proc/self/task/${thread}/stat`, "latin1");
    return text.charAt(text.lastIndexOf(")") + 2) === "R";
  } catch {
    // It has ended meanwhile.
    return false;
  }
}

/** Number of the thread that calls, 0 where it cannot be told. */
export function ownThread(): number {
  if (process.platform !== "linux") return 0;
  try {
    // `<pid>/task/<tid>`
    return Number(readlinkSync("/proc/thread-self").split("/").at(-1));
  } catch {
    return 0;
  }
}

/** Whether there is no such thread in this process any more; `false` where the system does not tell, and before it has begun. */
export function hasEnded(thread: number): boolean {
  return thread !== 0 && !existsSync(`/proc/self/task/${thread}`);
}

/** Milliseconds of a processor that a thread uses up in silence, until it counts as held by what a guest left behind. */
const RAN_MS = 300;
/** The same of a thread that uses none and waits for none, so that it must be blocked. */
const BLOCKED_MS = 10_000;
/** The same where nobody knows whether it waits for one. */
const UNKNOWN_MS = 30_000;
/** Share of the time that a blocked thread may still run, or wait. */
const BLOCKED_SHARE = 0.1;

/** How far a silence of so many milliseconds goes to show that the thread is held: 1 and more is enough. Time alone shows nothing, since a worker may only lack a processor. */
export function heldBy(silentMs: number, before: ProcessorUse, now: ProcessorUse): number {
  const ranMs = now.ranMs - before.ranMs;
  const ran = ranMs / RAN_MS;
  if (now.waitedMs === undefined || before.waitedMs === undefined) return Math.max(ran, silentMs / UNKNOWN_MS);
  if (now.ready === "itself") return ran;
  const active = ranMs + now.waitedMs - before.waitedMs;
  return active < silentMs * BLOCKED_SHARE ? Math.max(ran, silentMs / BLOCKED_MS) : ran;
}

/** Milliseconds that a thread may be blocked by others of its process which are ready to run, and may be all that it waits for. */
const BY_OTHERS_MS = 500;

/** Of so many milliseconds, those that a thread did not spend waiting for a processor, as far as the system tells: it ran, or waited for something else. */
export function ownMs(passedMs: number, before: ProcessorUse, now: ProcessorUse): number {
  if (now.waitedMs === undefined || before.waitedMs === undefined) return passedMs;
  const ranMs = now.ranMs - before.ranMs;
  if (now.ready === "itself") return ranMs;
  const blockedMs = passedMs - ranMs - (now.waitedMs - before.waitedMs);
  return ranMs + Math.max(0, now.ready === "others" ? blockedMs - BY_OTHERS_MS : blockedMs);
}

import type { Op, Task } from "./guests.ts";

/** What happened to a call, beside what it asked for. */
export interface Circumstances {
  /** Milliseconds after which it was to be ended, or undefined. */
  readonly timeoutMs: number | undefined;
  readonly signalled: boolean;
  /** Its module was told to close, and to abort its calls. */
  readonly closed: boolean;
  /** A worker of its runtime was ended, or a call of its runtime was such as to end one, while it was under way. */
  readonly disturbed: boolean;
  /** Its module keeps few waiting calls. */
  readonly shortQueue: boolean;
}

/** Codes that a call of its kind may end with when nothing interferes; `answer` stands for its own answer. */
const EXPECTED: Readonly<Record<Op, readonly string[]>> = {
  echo: ["answer"],
  log: ["answer"],
  big: ["answer"],
  wait: ["answer"],
  host: ["answer"],
  throw: ["ERR_EXT_GUEST"],
  spin: [],
  hog: ["ERR_EXT_MEMORY"],
  exit: ["ERR_EXT_CRASHED"],
};

export const REASON = new Error("the chaos run aborts this call");

/** What is wrong with the way in which a call ended, or undefined. */
export function faultOf(
  task: Task,
  outcome: { value: unknown } | { error: unknown },
  about: Circumstances,
): string | undefined {
  if ("value" in outcome) {
    if (!EXPECTED[task.op].includes("answer")) return `it was answered with ${shown(outcome.value)}`;
    return isOwnAnswer(task, outcome.value) ? undefined : `it was answered with ${shown(outcome.value)}`;
  }
  const { error } = outcome;
  if (error === REASON) return about.signalled ? undefined : "it was aborted, and had no signal";
  const { code, message } = error as { code?: string; message?: string };
  const allowed: string[] = [...EXPECTED[task.op]];
  if (about.timeoutMs !== undefined) allowed.push("ERR_EXT_TIMEOUT");
  if (about.closed) allowed.push("ERR_EXT_CLOSED");
  if (about.disturbed) allowed.push("ERR_EXT_CRASHED");
  if (about.shortQueue) allowed.push("ERR_EXT_BUSY");
  // Memory may end in the middle of a host call or an error, too.
  if (code === undefined || !allowed.includes(code)) return `it failed with ${code}: ${String(message ?? error)}`;
  if (code === "ERR_EXT_GUEST" && !String(message).includes(`failure of ${task.id}`))
    return `it has another's error: ${message}`;
  return undefined;
}

function isOwnAnswer({ id, op, size }: Task, value: unknown): boolean {
  const answer = value as { id?: unknown; text?: unknown; told?: unknown } | null;
  if (answer?.id !== id) return false;
  if (op === "big") return answer.text === "x".repeat(size);
  return op !== "host" || answer.told === id;
}

function shown(value: unknown): string {
  return String(JSON.stringify(value)).slice(0, 100);
}

import { endProcess } from "./process-exit.ts";
import { lost, running, strays } from "./running.ts";
import { runningThreads } from "./threads.ts";

/**
 * isolated-vm keeps the event loop alive while a thread of its own runs: also for a guest that was ended and that V8 has not let go of, which may
 * take minutes, or for ever. So while there are such guests somebody looks whether they are all that is left, and ends the process then.
 */

const LOOK_MS = 250;

let looking: NodeJS.Timeout | undefined;
/** `beforeExit` was told, and may have started something. */
let told = false;

/** To be called when a guest was left to V8. */
export function endWhenIdle(): void {
  looking ??= setInterval(look, LOOK_MS).unref();
}

function look(): void {
  if (strays.size === 0 && lost.length === 0) {
    clearInterval(looking);
    looking = undefined;
    told = false;
  } else if (!nothingElse()) {
    told = false;
  } else if (told) {
    endProcess();
  } else {
    told = true;
    process.emit("beforeExit", Number(process.exitCode ?? 0));
  }
}

function nothingElse(): boolean {
  if (running.size > 0) return false;
  // Standard streams are of these kinds, and keep nothing alive; of others the report knows.
  const resources = process.getActiveResourcesInfo().filter((kind) => kind !== "TTYWrap" && kind !== "PipeWrap");
  if (resources.length > 0) return false;
  const [only, ...others] = aliveHandles();
  if (only?.type !== "async" || others.length > 0) return false;
  // What other addons have computed on threads is in no list.
  return (runningThreads() ?? 0) <= strays.size;
}

interface Handle {
  readonly type: string;
  readonly is_active?: boolean;
  readonly is_referenced?: boolean;
}

/** The handles that keep the event loop alive, those of addons too. */
function aliveHandles(): Handle[] {
  const report = process.report as { excludeNetwork?: boolean | undefined; getReport(): unknown };
  const { excludeNetwork } = report;
  // It would ask for the names of addresses, which can take seconds.
  report.excludeNetwork = true;
  try {
    const { libuv } = report.getReport() as { libuv: readonly Handle[] };
    return libuv.filter((handle) => handle.type !== "loop" && handle.is_active && handle.is_referenced);
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

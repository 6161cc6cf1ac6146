import { inspect } from "node:util";
import { isMainThread } from "node:worker_threads";
import { exitNow } from "extruntime/engine";
import { lost, running, strays } from "./running.ts";
import { runningThreads } from "./threads.ts";

/**
 * The end of the process. isolated-vm waits at exit for the threads that run guests, for ever if need be, and Node crashes
 * where one of them is half way through taking an isolate down. So a process that exits ends its guests, after all its own
 * listeners have run, and waits until their threads are at rest. Where one is not in time, a guest deep inside V8 say, the
 * process ends at once, with the code that it has by then.
 */

/** Milliseconds between two looks at the threads, and of looking at all; the latter is shorter where V8 did not let go of a guest before. */
const SLICE = 5;
const PATIENCE = 1000;
const STRAY_PATIENCE = 200;
/** Looks in a row at which all rest, after which they are taken to have ended their work. */
const LOOKS = 3;
/** Milliseconds that taking an isolate down may last; on a busy machine it is a few. */
const TAKEDOWN = 2000;

/** Parts of `process` that Node's types leave out. */
interface ExitingProcess {
  emit(event: string, ...args: unknown[]): boolean;
  reallyExit(code?: number): void;
  _exiting?: boolean;
}

let lastDisposal = Number.NEGATIVE_INFINITY;
/** Guests that run on this thread, one in the other's console. */
let here = 0;
let watching = false;
let over = false;

/** To be called when an engine is made: what a guest can reach of the host does not change later. */
export function watchExit(): void {
  if (watching) return;
  watching = true;
  if (isMainThread) hook(process as unknown as ExitingProcess);
  else process.on("exit", () => endGuests());
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

/** Ends the process as it ends by itself when its event loop has nothing left. */
export function endProcess(): void {
  const exiting = process as unknown as ExitingProcess;
  const code = exitCode(0);
  exiting._exiting = true;
  exiting.emit("exit", code);
  exiting.reallyExit(exitCode(code));
}

/**
 * An `exit` listener would run before those that are added later, and what they set as the exit code would be lost. The end of the event
 * loop and an uncaught error come by `emit`, `process.exit` by `reallyExit` too.
 */
function hook(exiting: ExitingProcess): void {
  const { emit, reallyExit } = exiting;
  exiting.emit = (event, ...args) => {
    if (event !== "exit") return emit.call(exiting, event, ...args);
    let heard: boolean;
    try {
      heard = emit.call(exiting, event, ...args);
    } catch (error) {
      if (!endGuests()) {
        process.stderr.write(`${inspect(error)}\n`);
        exitNow(exitCode(1));
      }
      throw error;
    }
    if (!endGuests()) exitNow(exitCode(Number(args[0] ?? 0)));
    return heard;
  };
  exiting.reallyExit = (code = 0) => {
    if (!endGuests()) exitNow(code);
    reallyExit.call(exiting, code);
  };
}

function exitCode(otherwise: number): number {
  return Number(process.exitCode ?? otherwise);
}

/** `false` where the threads of guests do not come to rest. */
function endGuests(): boolean {
  if (over) return true;
  const patience = strays.size > 0 ? STRAY_PATIENCE : PATIENCE;
  if (here > 0 || [...running].some((guest) => guest.waits)) return false;
  for (const guest of [...running]) guest.kill(new Error("the process exits"));
  const recent = strays.size > 0 || performance.now() - lastDisposal < TAKEDOWN;
  over = lost.length === 0 && (!recent || cameToRest(patience));
  return over;
}

/** Waits until nothing runs but this thread. `false` where something still does. */
function cameToRest(patience: number): boolean {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  let looks = 0;
  for (const until = performance.now() + patience; looks < LOOKS && performance.now() < until; ) {
    const before = process.cpuUsage();
    Atomics.wait(cell, 0, 0, SLICE);
    const others = runningThreads();
    looks = (others === undefined ? nothingComputed(before) : others === 0) ? looks + 1 : 0;
  }
  return looks === LOOKS;
}

/** Where threads cannot be looked at: whether the process used less than a fifth of a core since then. */
function nothingComputed(before: NodeJS.CpuUsage): boolean {
  const { user, system } = process.cpuUsage(before);
  return user + system < SLICE * 200;
}

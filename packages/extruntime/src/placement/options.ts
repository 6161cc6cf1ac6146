import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { ResourceLimits } from "node:worker_threads";

/** Of the worker threads of a runtime. */
export interface ThreadOptions {
  /** Threads that serve calls; by default one for each core, and two at the least. As many again may be started beside them while calls hold these up. */
  max?: number | undefined;
  /** Threads that wait, started, for the place of one that ends. 1 by default. */
  spare?: number | undefined;
  /** Limits of V8 for each thread, as `node:worker_threads` takes them. They hold for all instances of a thread together. */
  resourceLimits?: ResourceLimits | undefined;
}

/** Of the child processes of a runtime. */
export interface ProcessOptions {
  /**
   * Processes of the runtime that serve calls, of all its modules together. Where modules share them (see `shared`), as for threads. Where each has its own, by
   * default four for each core, and 16 at the least, of which one module takes no more than one for each core (two at the least): past it the process that
   * was used least recently makes room when it is idle, and modules that find none wait in turn. As many again may be started beside them while calls hold these up.
   */
  max?: number | undefined;
  /**
   * Whether modules share processes. By default only where the engine is a hard sandbox (`capabilities.hardSandbox`). With `true` for another engine, the code of one
   * extension can act as, read, stall and log as any other in its process: only for extensions that trust each other as parts of one program do.
   */
  shared?: boolean | undefined;
  /** Processes that wait, started, for the place of one that ends. 1 by default. */
  spare?: number | undefined;
  /** Environment variables of the processes. Without it they have none. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Seconds of processor time that a process may use in its life; past it the operating system ends it. Linux and macOS. */
  cpuSeconds?: number | undefined;
  /**
   * Mebibytes that guests of each process may hold, with all processes that they start. What Node and the engine hold themselves comes on top of it, up to
   * 160 MiB. Linux only.
   */
  memoryMb?: number | undefined;
  /** Processes and threads that there may be of each process, with all that it starts: one more ends it. By default 512 in a sandbox, and no limit elsewhere. Linux only. */
  tasks?: number | undefined;
  /**
   * Folder of a control group (version 2) that the host may divide, with the controllers memory and pids and no processes of its own: each process then has a group within it. By
   * default the parent of the host's own group, where that belongs to the host's user. Linux only.
   */
  cgroup?: string | undefined;
  /**
   * Runs the processes in bubblewrap: without network, and with a file system that is read-only but for `/tmp` and `/dev/shm`, of which they see
   * the system's own folders, Node, the engine's package, the packages that it depends on, and what `readable` names. Linux only, where `bwrap` 0.8 or newer is installed.
   */
  sandbox?: boolean | SandboxOptions | undefined;
}

/** What bubblewrap lets the processes see. */
export interface SandboxOptions {
  /** More files and folders that the processes may read. */
  readonly readable?: readonly string[] | undefined;
  /** Mebibytes that their `/tmp` may hold, and as many their `/dev/shm`: 64 by default, and never more than guests may hold in memory, against which they count. */
  readonly tmpMb?: number | undefined;
}

/** Of the threads and processes in which an engine may be placed. */
export interface PlacementOptions {
  /** For placement `"thread"`. */
  threads?: ThreadOptions | undefined;
  /** For placement `"process"`. */
  processes?: ProcessOptions | undefined;
}

export function mostWorkers(max: number | undefined): number {
  return max ?? Math.max(2, availableParallelism());
}

/** The same where each module has its own. */
export function mostOwnWorkers(max: number | undefined): number {
  return max ?? Math.max(16, availableParallelism() * 4);
}

/** @throws TypeError that names the first option that is not as it must be. */
export function checkPlacementOptions({ threads, processes }: PlacementOptions): void {
  wholeFrom(1, threads?.max, "threads.max");
  wholeFrom(0, threads?.spare, "threads.spare");
  wholeFrom(1, processes?.max, "processes.max");
  wholeFrom(0, processes?.spare, "processes.spare");
  if (processes?.shared !== undefined && typeof processes.shared !== "boolean")
    throw new TypeError(`processes.shared must be true or false, and is ${String(processes.shared)}`);
  wholeFrom(1, processes?.cpuSeconds, "processes.cpuSeconds");
  wholeFrom(1, processes?.memoryMb, "processes.memoryMb");
  wholeFrom(32, processes?.tasks, "processes.tasks");
  if (typeof processes?.sandbox === "object") checkSandboxOptions(processes.sandbox);
  for (const [name, value] of Object.entries(processes?.env ?? {}))
    if (typeof value !== "string")
      throw new TypeError(`processes.env.${name} must be a string, and is ${typeof value}`);
}

function checkSandboxOptions({ readable = [], tmpMb }: SandboxOptions): void {
  wholeFrom(1, tmpMb, "processes.sandbox.tmpMb");
  for (const path of readable)
    if (typeof path !== "string" || !existsSync(path))
      throw new TypeError(
        `processes.sandbox.readable must name files and folders that exist, and ${String(path)} does not`,
      );
}

function wholeFrom(least: number, value: number | undefined, what: string): void {
  if (value !== undefined && !(Number.isSafeInteger(value) && value >= least))
    throw new TypeError(`${what} must be a whole number of at least ${least}, and is ${String(value)}`);
}

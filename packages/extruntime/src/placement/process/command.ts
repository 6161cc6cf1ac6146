import { release } from "node:os";
import type { ProcessOptions } from "../options.ts";
import { type SandboxBounds, sandboxBounds, sandboxCommand } from "./sandbox.ts";
import type { Shown } from "./sandbox-files.ts";
import { supervisedCommand } from "./supervisor.ts";

/** A program and its arguments. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

export interface Limits {
  readonly memoryBytes: number | undefined;
  readonly cpuSeconds: number | undefined;
}

/**
 * Bytes of data that a Node process without guests takes: most of it stacks of threads and V8's own reserves, which count
 * as data when they are mapped, used or not.
 */
const OWN_BYTES = 512 * 2 ** 20;
/** Bytes of memory that it really holds, with room for V8's young objects, compiled code and an engine: 40 to 110 MiB were measured. */
const OWN_HELD_BYTES = 160 * 2 ** 20;
/** Processes and threads of a sandbox, where `processes.tasks` does not say. Node has about twelve threads. */
const TASKS = 512;
/** More that a sandbox itself may have. */
const SANDBOX_TASKS = 8;

/** Everything that bounds a child process. */
export interface ProcessBounds {
  /** Of guests. */
  readonly memoryBytes: number | undefined;
  readonly cpuSeconds: number | undefined;
  readonly tasks: number | undefined;
  readonly sandbox: SandboxBounds | undefined;
}

export function boundsOf(options: ProcessOptions, memoryBytes: number | undefined): ProcessBounds {
  const bytes = memoryBytes ?? (options.memoryMb === undefined ? undefined : options.memoryMb * 2 ** 20);
  const sandbox = isSandboxed(options) ? sandboxBounds(options.sandbox, bytes) : undefined;
  const tasks = options.tasks ?? (sandbox === undefined ? undefined : TASKS);
  return { memoryBytes: bytes, cpuSeconds: options.cpuSeconds, tasks, sandbox };
}

/** The command that runs `node` with these arguments within these bounds. */
export function processCommand(
  node: Command,
  bounds: ProcessBounds,
  shown: readonly Shown[],
  cgroup: string | undefined,
): Command {
  const { sandbox, tasks } = bounds;
  const inside = sandbox === undefined ? undefined : tasks;
  const limited = limitedCommand(node, bounds, inside);
  const command = sandbox === undefined ? limited : sandboxCommand(limited, sandbox, shown);
  return supervisedCommand(command, { ...limitsOfAll(bounds), sandboxed: sandbox !== undefined, cgroup });
}

/** What a process may hold with all that it starts. Where the operating system refuses a task too many, nobody is ended for it. */
export function limitsOfAll({ memoryBytes, tasks, sandbox }: ProcessBounds) {
  return {
    memoryBytes: memoryBytes === undefined ? undefined : heldLimit(memoryBytes),
    tasks: tasks === undefined ? undefined : tasks + (sandbox === undefined ? 0 : SANDBOX_TASKS),
  };
}

export function isSandboxed({ sandbox }: ProcessOptions): boolean {
  return sandbox !== undefined && sandbox !== false;
}

/** Bytes of data that a process may have whose guest may have so many. */
export function dataLimit(memoryBytes: number): number {
  return memoryBytes + OWN_BYTES;
}

/** Bytes of memory that a process may hold, with those that it starts, whose guest may hold so many. */
export function heldLimit(memoryBytes: number): number {
  return memoryBytes + OWN_HELD_BYTES;
}

/**
 * A shell sets the limits and then becomes the program. `ulimit -d` bounds the data that the process has writable: unlike the
 * address space (`-v`) it leaves out what V8 reserves and does not use. An allocation that passes it fails, before the supervisor sees it.
 *
 * @param tasks of the sandbox: a fork or thread past it fails. What counts the tasks of a user elsewhere is no limit of a process.
 */
export function limitedCommand(command: Command, { memoryBytes, cpuSeconds }: Limits, tasks?: number): Command {
  const limits: string[] = [];
  if (memoryBytes !== undefined) limits.push(`ulimit -d ${Math.ceil(dataLimit(memoryBytes) / 1024)}`);
  if (cpuSeconds !== undefined) limits.push(`ulimit -t ${cpuSeconds}`);
  // One of the two is the name of it, by the shell.
  if (tasks !== undefined && countsBySandbox())
    limits.push(`{ ulimit -u ${tasks} 2>/dev/null || ulimit -p ${tasks} 2>/dev/null || true; }`);
  if (limits.length === 0) return command;
  return { file: "/bin/sh", args: ["-c", `${limits.join(" && ")} && exec "$@"`, "sh", command.file, ...command.args] };
}

/** Since Linux 5.14 the tasks of a user are counted for each user namespace; those of root are not bounded. */
function countsBySandbox(): boolean {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  return (major > 5 || (major === 5 && minor >= 14)) && process.getuid?.() !== 0;
}

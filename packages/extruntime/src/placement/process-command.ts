import type { ProcessOptions } from "./options.ts";
import { sandboxCommand } from "./sandbox.ts";

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

/** The command that runs `node` with these arguments in the bounds that the options set. */
export function processCommand(node: Command, limits: Limits, options: ProcessOptions, readable: string[]): Command {
  const limited = limitedCommand(node, limits);
  return options.sandbox === undefined || options.sandbox === false
    ? limited
    : sandboxCommand(limited, options.sandbox, readable);
}

/** Bytes of data that a process may have whose guest may have so many. */
export function dataLimit(memoryBytes: number): number {
  return memoryBytes + OWN_BYTES;
}

/**
 * A shell sets the limits and then becomes the program. `ulimit -d` bounds the data that the process has writable: unlike the
 * address space (`-v`) it leaves out what V8 reserves and does not use.
 */
export function limitedCommand(command: Command, { memoryBytes, cpuSeconds }: Limits): Command {
  const limits: string[] = [];
  if (memoryBytes !== undefined) limits.push(`ulimit -d ${Math.ceil(dataLimit(memoryBytes) / 1024)}`);
  if (cpuSeconds !== undefined) limits.push(`ulimit -t ${cpuSeconds}`);
  if (limits.length === 0) return command;
  return { file: "/bin/sh", args: ["-c", `${limits.join(" && ")} && exec "$@"`, "sh", command.file, ...command.args] };
}

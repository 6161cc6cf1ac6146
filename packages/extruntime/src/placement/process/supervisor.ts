import { accessSync, constants } from "node:fs";
import { dirname, join } from "node:path";
import { prebuiltPackage } from "../../kit/core-addon.ts";
import { OwnFiles } from "../../kit/own-files.ts";
import type { Command } from "./command.ts";
import { FD } from "./descriptors.ts";

/**
 * The program that stands between the host and a child process on Linux (`native/supervisor`): it leaves no process behind that comes from the child, and keeps
 * the limits that hold for all of them together.
 */

const files = new OwnFiles(import.meta.url);
const { require } = files;

const BUILT = files.path("../../../build/supervisor");

let found: string | false | undefined;

/** Its path; `undefined` where it is not installed. */
export function supervisorProgram(): string | undefined {
  found ??= (process.platform === "linux" && find()) || false;
  return found || undefined;
}

/** How to get it, as the end of a message. */
export const SUPERVISOR_REMEDY =
  "the program that supervises child processes is not installed: install the optional dependencies of extruntime, or build it with its script build:addon, which wants a C compiler";

export interface Supervision {
  /** Bytes of memory that the processes may hold together; undefined for no limit. */
  readonly memoryBytes: number | undefined;
  /** Processes and threads that there may be; undefined for no limit. */
  readonly tasks: number | undefined;
  readonly sandboxed: boolean;
  /** Of the control group that they enter, which has been made for them; undefined for none. */
  readonly cgroup: string | undefined;
}

export function supervisedCommand(command: Command, { memoryBytes, tasks, sandboxed, cgroup }: Supervision): Command {
  const program = supervisorProgram();
  if (program === undefined) return command;
  const options = [FD.supervisor, Math.ceil(memoryBytes ?? 0), tasks ?? 0, sandboxed ? 1 : 0].map(String);
  return { file: program, args: [...options, cgroup ?? "-", command.file, ...command.args] };
}

function find(): string | undefined {
  if (isProgram(BUILT)) return BUILT;
  try {
    const prebuilt = join(dirname(require.resolve(prebuiltPackage())), "supervisor");
    return isProgram(prebuilt) ? prebuilt : undefined;
  } catch {
    // Not installed, as it is for another platform or was left out.
    return undefined;
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

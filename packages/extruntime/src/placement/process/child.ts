import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { ExtensionError } from "../../errors.ts";
import { OwnFiles } from "../../kit/own-files.ts";
import { WorkerFolder } from "../host/worker-folder.ts";
import type { ProcessOptions } from "../options.ts";
import type { StartMessage } from "../wire/protocol.ts";
import { delegatedCgroup, endCgroup, makeCgroup } from "./cgroup.ts";
import { limitsOfAll, type ProcessBounds, processCommand } from "./command.ts";
import { isInMemory, openJournal } from "./journal.ts";
import { hostLocale, localeArguments, localePaths } from "./locale.ts";
import { mappedFileAddon } from "./mapped-file.ts";
import { plugAndPlayArguments } from "./plug-n-play.ts";
import { filesOfModules, filesOfNode, type Shown, shownPath } from "./sandbox-files.ts";
import { supervisorProgram } from "./supervisor.ts";

/** The start and the end of a child process; what goes between it and the host is in `link.ts`. */

const files = new OwnFiles(import.meta.url);
const AGENT = files.path("./agent.js");

/** @throws ExtensionError `ERR_EXT_UNSUPPORTED` where the file that a process starts with is not there. */
export function checkProcessAgent(): void {
  files.required("./agent.js");
}

/** Milliseconds for a supervisor to end its processes, before it is ended itself. */
const SUPERVISOR_MS = 10_000;

export interface StartedChild {
  readonly child: ChildProcess;
  readonly folder: WorkerFolder;
  /** Descriptor of the journal. */
  readonly journal: number;
  /** Path of its control group. */
  readonly cgroup: string | undefined;
}

/**
 * Starts a child process with what it needs: its folder, its journal and, where the host may divide one, its control group.
 *
 * @throws ExtensionError `ERR_EXT_CRASHED` where the system has no room, descriptor or process left for one; nothing is left behind then.
 */
export function startChild(
  start: StartMessage,
  options: ProcessOptions,
  bounds: ProcessBounds,
  firstBatch: number,
): StartedChild {
  let folder: WorkerFolder | undefined;
  let journal: number | undefined;
  let cgroup: string | undefined;
  try {
    folder = new WorkerFolder();
    journal = openJournal();
    const parent = supervisorProgram() === undefined ? undefined : (options.cgroup ?? delegatedCgroup());
    cgroup = parent === undefined ? undefined : makeCgroup(parent, limitsOfAll(bounds));
    const places = { folder: folder.path, journal, cgroup };
    return { child: spawnChild(start, options, bounds, firstBatch, places), folder, journal, cgroup };
  } catch (cause) {
    if (journal !== undefined) closeSync(journal);
    if (cgroup !== undefined) endCgroup(cgroup);
    void folder?.remove();
    throw new ExtensionError("ERR_EXT_CRASHED", `its process could not be started: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function spawnChild(
  start: StartMessage,
  options: ProcessOptions,
  bounds: ProcessBounds,
  firstBatch: number,
  { folder, journal, cgroup }: { folder: string; journal: number; cgroup: string | undefined },
): ChildProcess {
  const { memoryBytes } = bounds;
  const sandboxed = bounds.sandbox !== undefined;
  const addon = isInMemory(journal) ? mappedFileAddon() : undefined;
  const addons = addon === undefined ? [] : [addon];
  // V8 then gives up by itself, and says so, before the operating system has to refuse.
  const heap = memoryBytes === undefined ? [] : [`--max-old-space-size=${Math.ceil(memoryBytes / 2 ** 20)}`];
  const env = { TMPDIR: sandboxed ? "/tmp" : folder, ...hostLocale(), ...options.env };
  const node = {
    file: process.execPath,
    args: [...plugAndPlayArguments(), ...localeArguments(), ...heap, AGENT, String(firstBatch), ...addons],
  };
  const { file, args } = processCommand(node, bounds, sandboxed ? shownTo(start, addons, env) : [], cgroup);
  const supervisor = supervisorProgram() === undefined ? [] : ["pipe" as const];
  return spawn(file, args, {
    stdio: ["ignore", "pipe", "pipe", "pipe", "pipe", "pipe", journal, ...supervisor],
    env,
    // Away from the terminal's group: an interrupt there is the host's to answer.
    detached: true,
  });
}

/** What a sandboxed process sees beside the system's folders. */
export function shownInSandbox(start: StartMessage, readable: readonly string[]): Shown[] {
  return [...shownTo(start, [], {}), ...readable.flatMap(shownPath)];
}

function shownTo(start: StartMessage, addons: readonly string[], env: Readonly<Record<string, string>>): Shown[] {
  const modules = filesOfModules(AGENT, fileURLToPath(start.engine.module));
  const files = [...addons, ...localePaths(env).filter((path) => existsSync(path))];
  return [...filesOfNode(), ...modules, ...files.flatMap(shownPath)];
}

/** Bubblewrap tells of a signal by an exit code above 128. */
export function signalOf(code: number | null): NodeJS.Signals | null {
  const name = Object.entries(constants.signals).find(([, number]) => number === (code ?? 0) - 128)?.[0];
  return (name as NodeJS.Signals | undefined) ?? null;
}

/** Ends a child and all that comes from it. A supervisor does so when it is told; else it is the child's group, which a guest's process can leave. */
export function endProcess(child: ChildProcess): void {
  if (supervisorProgram() === undefined) {
    child.kill("SIGKILL");
    endGroup(child);
    return;
  }
  child.kill("SIGTERM");
  // Its guest may have stopped it.
  child.kill("SIGCONT");
  const timer = setTimeout(() => child.kill("SIGKILL"), SUPERVISOR_MS).unref();
  child.once("exit", () => clearTimeout(timer));
}

/** The child leads a group of its own. */
export function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined || process.platform === "win32") return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left in it.
  }
}

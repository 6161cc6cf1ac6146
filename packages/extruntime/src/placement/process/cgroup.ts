import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ExtensionError } from "../../errors.ts";

/**
 * Control groups (version 2) of Linux count what processes hold exactly and at once, and end a group in one step. A host can make some of its own where it has been
 * given a group to divide; elsewhere the supervisor alone keeps the limits.
 */

export interface CgroupLimits {
  readonly memoryBytes: number | undefined;
  readonly tasks: number | undefined;
}

/** Controllers that a group to divide must have. */
const WANTED = ["memory", "pids"];

let made = 0;

/**
 * Makes a group with these limits within `parent`, and returns its path.
 *
 * @throws Error where the system does not allow it.
 */
export function makeCgroup(parent: string, { memoryBytes, tasks }: CgroupLimits): string {
  const path = join(parent, `extruntime-${process.pid}-${++made}`);
  mkdirSync(path);
  try {
    if (memoryBytes !== undefined) {
      writeFileSync(join(path, "memory.max"), String(Math.ceil(memoryBytes)));
      // All of them, since none is of use without the others.
      writeFileSync(join(path, "memory.oom.group"), "1");
      // Where the system swaps at all.
      if (existsSync(join(path, "memory.swap.max"))) writeFileSync(join(path, "memory.swap.max"), "0");
    }
    if (tasks !== undefined) writeFileSync(join(path, "pids.max"), String(tasks));
  } catch (error) {
    attempt(() => rmdirSync(path));
    throw error;
  }
  return path;
}

/** Ends what is still in a group, and removes it. The supervisor does so, unless a guest has ended it. */
export function endCgroup(path: string): void {
  if (!existsSync(path)) return;
  attempt(() => writeFileSync(join(path, "cgroup.kill"), "1"));
  attempt(() => rmdirSync(path));
}

/** @throws ExtensionError `ERR_EXT_UNSUPPORTED` where the group that an option names cannot be divided. */
export function checkCgroup(path: string): void {
  const why = obstacle(path);
  if (why === undefined) return;
  throw new ExtensionError(
    "ERR_EXT_UNSUPPORTED",
    `processes.cgroup cannot be used: ${path} ${why}; name a control group of version 2 that this user may divide, as systemd makes one by Delegate=yes, or leave it out`,
  );
}

let found: string | false | undefined;

/** The group to divide, where there is one without anybody having named it: the host's own lies in it, and it belongs to the host's user. */
export function delegatedCgroup(): string | undefined {
  found ??=
    (process.platform === "linux" && find(readText("/proc/self/cgroup"), readText("/proc/self/mountinfo"))) || false;
  return found || undefined;
}

/** By the texts of `/proc/self/cgroup` and `/proc/self/mountinfo`. Root owns all groups, so of root's none is known to be given. */
export function find(groups: string, mounts: string, uid = process.getuid?.() ?? 0): string | undefined {
  const own = /^0::(\/.+)$/m.exec(groups)?.[1];
  const [, root = "", mount = ""] = /^\d+ \d+ \S+ (\S+) (\S+) .* - cgroup2 /m.exec(mounts) ?? [];
  if (own === undefined || mount === "" || uid === 0) return undefined;
  const parent = dirname(join(mount, root === "/" ? own : own.slice(root.length)));
  if (parent === mount || !parent.startsWith(mount)) return undefined;
  try {
    return statSync(parent).uid === uid && obstacle(parent) === undefined ? parent : undefined;
  } catch {
    return undefined;
  }
}

/** Why a group cannot be divided. */
function obstacle(path: string): string | undefined {
  try {
    const has = words(join(path, "cgroup.controllers"));
    const missing = WANTED.filter((name) => !has.includes(name));
    if (missing.length > 0) return `has not got the controllers ${missing.join(" and ")}`;
    const control = join(path, "cgroup.subtree_control");
    for (const file of [path, control, join(path, "cgroup.procs")]) accessSync(file, constants.W_OK);
    const off = WANTED.filter((name) => !words(control).includes(name));
    if (off.length > 0) writeFileSync(control, off.map((name) => `+${name}`).join(" "));
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EBUSY") return "holds processes itself, and only groups within it may";
    return `cannot be divided (${code})`;
  }
}

function words(file: string): string[] {
  return readFileSync(file, "latin1").trim().split(/\s+/);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // The group is gone, or has processes that are still ending; then its end is the supervisor's.
  }
}

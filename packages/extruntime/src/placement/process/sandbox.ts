import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, readlinkSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ExtensionError } from "../../errors.ts";
import type { ProcessOptions } from "../options.ts";
import type { Command } from "./command.ts";
import { type Shown, SYSTEM, shownPath, withoutCovered } from "./sandbox-files.ts";
import { SUPERVISOR_REMEDY, supervisorProgram } from "./supervisor.ts";

/** Devices that a program may want. None of them holds anything, and none can be a terminal. */
const DEVICES = ["null", "zero", "full", "random", "urandom"];
/**
 * Of `/proc`, what tells about the system and not about processes, and may be read by root's guests. All of it is read-only: with root's files there, such as
 * `/proc/sys/kernel/core_pattern`, a guest of a host that runs as root could else become root itself.
 */
const HIDDEN = [
  "config.gz",
  "iomem",
  "ioports",
  "kallsyms",
  "kcore",
  "key-users",
  "keys",
  "kmsg",
  "kpagecgroup",
].concat([
  "kpagecount",
  "kpageflags",
  "modules",
  "mtrr",
  "sched_debug",
  "slabinfo",
  "sysrq-trigger",
  "timer_list",
  "vmallocinfo",
]);
/** Mebibytes that `/tmp` may hold, and `/dev/shm` as many, where `sandbox.tmpMb` does not say. */
const TMP_MB = 64;

/** What a sandbox shows and holds, as the options say. */
export interface SandboxBounds {
  readonly readable: readonly string[];
  /** Of `/tmp`, and of `/dev/shm` too. */
  readonly tmpBytes: number;
}

/** @param memoryBytes that guests may hold: there is no use in files in memory that are larger. */
export function sandboxBounds(sandbox: ProcessOptions["sandbox"], memoryBytes: number | undefined): SandboxBounds {
  const { readable = [], tmpMb = TMP_MB } = typeof sandbox === "object" ? sandbox : {};
  return { readable, tmpBytes: Math.floor(Math.min(tmpMb * 2 ** 20, memoryBytes ?? Number.POSITIVE_INFINITY)) };
}

/**
 * The command inside bubblewrap: no network, no processes but its own, and a file system of which `/tmp` and `/dev/shm` can be written, both bounded. The rest is
 * read-only, the folders that bubblewrap makes in memory too, and no namespace can be made in which that would be otherwise.
 */
export function sandboxCommand(
  command: Command,
  { readable, tmpBytes }: SandboxBounds,
  shown: readonly Shown[],
): Command {
  const all = withoutCovered([...shown, ...readable.flatMap(shownPath)]);
  const tmpfs = (path: string) => ["--size", String(tmpBytes), "--tmpfs", path];
  return {
    file: bubblewrap() ?? "bwrap",
    args: [
      ...[
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
      ],
      ...["--hostname", "sandbox"],
      ...SYSTEM.flatMap((path) => ["--ro-bind-try", path, path]),
      ...localTime(),
      ...["--proc", "/proc", ...hidden(), "--perms", "0755", "--tmpfs", "/dev", ...tmpfs("/tmp")],
      ...DEVICES.flatMap((name) => ["--dev-bind", `/dev/${name}`, `/dev/${name}`]),
      ...["--symlink", "/proc/self/fd", "/dev/fd", ...tmpfs("/dev/shm")],
      ...all.flatMap(({ path, target }) =>
        target === undefined ? ["--ro-bind", path, path] : ["--symlink", target, path],
      ),
      ...["--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"],
      ...["--chdir", "/", "--", command.file, ...command.args],
    ],
  };
}

function hidden(): string[] {
  const there = HIDDEN.map((name) => `/proc/${name}`).filter((path) => existsSync(path));
  return there.flatMap((path) => ["--ro-bind", "/dev/null", path]);
}

/** Which zone it is says the name that the link leads to; without it ICU would look for a file with the same bytes. */
function localTime(): string[] {
  const path = "/etc/localtime";
  try {
    return ["--symlink", readlinkSync(path).replace(/^\.\.\//, "/"), path];
  } catch {
    return ["--ro-bind-try", path, path];
  }
}

let works = false;

/** @throws ExtensionError `ERR_EXT_UNSUPPORTED` where no sandbox can be made, with the reason and the remedy. */
export function checkSandbox(): void {
  if (process.platform !== "linux")
    throw unsupported(`it needs bubblewrap, which is for Linux, and this is ${process.platform}`);
  if (supervisorProgram() === undefined) throw unsupported(SUPERVISOR_REMEDY);
  if (bubblewrap() === undefined)
    throw unsupported(
      "bubblewrap is not installed (Debian and Ubuntu: apt-get install bubblewrap; Fedora: dnf install bubblewrap)",
    );
  if (works) return;
  try {
    const { file, args } = sandboxCommand({ file: "/bin/true", args: [] }, sandboxBounds(true, undefined), []);
    execFileSync(file, args, { stdio: ["ignore", "ignore", "pipe"] });
    works = true;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: Buffer };
    const why = stderr?.toString().trim() || message;
    if (/unknown option/i.test(why)) throw unsupported(`bubblewrap 0.8 or newer is needed, and this one says: ${why}`);
    throw unsupported(`bubblewrap cannot make a sandbox here: ${why}. The system must allow user namespaces`);
  }
}

/** Where it is installed. Looked for here, since the process that it starts in has no `PATH`. */
function bubblewrap(): string | undefined {
  return (process.env.PATH ?? "/usr/bin:/bin")
    .split(delimiter)
    .map((folder) => join(folder || ".", "bwrap"))
    .find((path) => existsSync(path) && isProgram(path));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function unsupported(why: string): ExtensionError {
  return new ExtensionError("ERR_EXT_UNSUPPORTED", `processes.sandbox cannot be kept: ${why}; or leave it out`);
}

import { execFileSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ExtensionError } from "../errors.ts";
import type { ProcessOptions } from "./options.ts";
import type { Command } from "./process-command.ts";

/** Folders of the system that programs need to start. */
const SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives"];

/** The command inside bubblewrap: no network, no processes but its own, a file system that is read-only and small. */
export function sandboxCommand(
  command: Command,
  sandbox: NonNullable<ProcessOptions["sandbox"]>,
  readable: readonly string[],
): Command {
  const own = sandbox === true || sandbox === false ? [] : (sandbox.readable ?? []);
  const folders = [...new Set([...readable, ...own].map((path) => resolve(path)))].sort();
  return {
    file: "bwrap",
    args: [
      ...["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"],
      ...SYSTEM.flatMap((path) => ["--ro-bind-try", path, path]),
      ...["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"],
      ...folders.flatMap((path) => ["--ro-bind", path, path]),
      ...["--chdir", "/", "--", command.file, ...command.args],
    ],
  };
}

/** What Node must read to run a module: its package, and every `node_modules` from which that resolves its imports. */
export function foldersOfModule(path: string): string[] {
  const real = realpathSync(path);
  const found: string[] = [];
  for (let dir = dirname(real); ; dir = dirname(dir)) {
    if (found.length === 0 && existsSync(join(dir, "package.json"))) found.push(dir);
    if (existsSync(join(dir, "node_modules"))) found.push(join(dir, "node_modules"));
    if (dirname(dir) === dir) return found.length === 0 ? [dirname(real)] : found;
  }
}

/** @throws ExtensionError `ERR_EXT_UNSUPPORTED` where no sandbox is to be had, with the reason and the remedy. */
export function checkSandbox(): void {
  if (process.platform !== "linux")
    throw unsupported(`it needs bubblewrap, which is for Linux, and this is ${process.platform}`);
  try {
    execFileSync("bwrap", sandboxCommand({ file: "/bin/true", args: [] }, true, []).args as string[], {
      stdio: ["ignore", "ignore", "pipe"],
    });
  } catch (error) {
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: Buffer };
    if (code === "ENOENT")
      throw unsupported(
        "bubblewrap is not installed (Debian and Ubuntu: apt-get install bubblewrap; Fedora: dnf install bubblewrap)",
      );
    throw unsupported(
      `bubblewrap cannot make a sandbox here: ${stderr?.toString().trim() || message}. The system must allow user namespaces`,
    );
  }
}

function unsupported(why: string): ExtensionError {
  return new ExtensionError("ERR_EXT_UNSUPPORTED", `processes.sandbox is not to be had: ${why}; or leave it out`);
}

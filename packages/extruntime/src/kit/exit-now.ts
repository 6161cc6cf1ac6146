import { coreAddon } from "./core-addon.ts";
import { OwnFiles } from "./own-files.ts";

const { require } = new OwnFiles(import.meta.url);

/**
 * Ends the process at once with this code, whatever its threads do: no `exit` listener runs, and no library cleans up. For engines whose
 * threads may never end, after the listeners have run. Where the system has no way to keep the code (no addon of extruntime's, and no `process.execve`) it
 * ends by `SIGKILL`.
 */
export function exitNow(code: number): void {
  const addon = coreAddon();
  try {
    if (addon !== undefined) (require(addon) as { exit(code: number): void }).exit(code);
  } catch {
    // It does not load here.
  }
  const { execve } = process as { execve?: (file: string, args: string[], env: Record<string, string>) => never };
  try {
    execve?.call(process, "/bin/sh", ["sh", "-c", `exit ${code}`], {});
  } catch {
    // It is not there on this platform.
  }
  process.kill(process.pid, "SIGKILL");
}

import { execFileSync } from "node:child_process";

let can: boolean | undefined;

/** Whether bubblewrap is installed and may do here what it does. */
export function canSandbox(): boolean {
  can ??= works();
  return can;
}

function works(): boolean {
  try {
    execFileSync("bwrap", ["--ro-bind", "/", "/", "--unshare-all", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

import { spawnSync } from "node:child_process";
import { onPath, output } from "./guests/find-toolchains.mjs";

/** What goes before a command that root must run; `undefined` where that would ask for a password. */
export function rootPrefix() {
  if (process.getuid?.() === 0) return ["env", "DEBIAN_FRONTEND=noninteractive"];
  const canSudo = onPath("sudo").length > 0 && output("sudo", ["-n", "true"]) !== undefined;
  return canSudo ? ["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive"] : undefined;
}

/** Installs packages of Debian or Ubuntu where that needs no question. Whether it did; `name` is who says so. */
export function aptInstall(name, packages) {
  const prefix = rootPrefix();
  if (onPath("apt-get").length === 0 || prefix === undefined) return false;
  console.log(`${name}: installing ${packages.join(" ")}`);
  const install = ["install", "-y", "-qq", "--no-install-recommends", "-o=Dpkg::Use-Pty=0", ...packages];
  return run(name, [...prefix, "apt-get", "update", "-qq"]) && run(name, [...prefix, "apt-get", ...install]);
}

function run(name, [command, ...args]) {
  const { status } = spawnSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) console.log(`${name}: ${command} ${args.join(" ")} failed`);
  return status === 0;
}

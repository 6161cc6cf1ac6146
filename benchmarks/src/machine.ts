import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, cpus, loadavg, platform, release, totalmem, version } from "node:os";
import { join } from "node:path";
import { ROOT } from "./paths.ts";
import type { Machine } from "./result.ts";

export function describeMachine(loadBefore: number): Machine {
  const [first] = cpus();
  return {
    cpu: first?.model.trim() || "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
    os: distribution() ?? `${platform()} ${release()} ${version()}`,
    arch: arch(),
    load: [round(loadBefore), round(currentLoad())],
  };
}

export function currentLoad(): number {
  return loadavg()[0] ?? 0;
}

export function commit(): { commit: string; dirty: boolean } {
  const hash = git("rev-parse", "--short=12", "HEAD");
  return { commit: hash ?? "unknown", dirty: git("status", "--porcelain") !== "" };
}

/** Of Node and what is in it, and of this project. */
export function versions(): Record<string, string> {
  const { node, v8, uv } = process.versions;
  const { version: project } = JSON.parse(readFileSync(join(ROOT, "packages/extruntime/package.json"), "utf8")) as {
    version: string;
  };
  return { node, v8, uv, extruntime: project };
}

function git(...args: string[]): string | undefined {
  try {
    return execFileSync("git", args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
}

function distribution(): string | undefined {
  try {
    return /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

// What the scripts of the repository share: steps that show their progress, and pnpm without an installation of it.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const started = performance.now();

/** Runs a command as one step of a script: says what it does, and shows its output only where it fails (or with `show`). */
export async function step(title, command, args, { show = false, env = {}, cwd = root } = {}) {
  say(title);
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1", ...env },
    stdio: ["ignore", show ? "inherit" : "pipe", show ? "inherit" : "pipe"],
  });
  let output = "";
  child.stdout?.on("data", (data) => (output += data));
  child.stderr?.on("data", (data) => (output += data));
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exit, signal) => resolve(exit ?? signal));
  });
  if (code === 0) return output;
  process.stderr.write(output);
  throw new StepFailed(`${title} failed (${command} ${args.join(" ")} ended with ${code})`);
}

export class StepFailed extends Error {}

export function pnpm(title, args, options) {
  return step(title, "npx", ["-y", `pnpm@${manifest.devEngines.packageManager.version}`, ...args], options);
}

export function say(text) {
  const seconds = ((performance.now() - started) / 1000).toFixed(0).padStart(3);
  process.stdout.write(`${seconds} s  ${text}\n`);
}

/** Runs a script's body; a failed step ends it with its message alone. */
export async function script(body) {
  try {
    await body();
  } catch (error) {
    process.stderr.write(`\n${error instanceof StepFailed ? error.message : error.stack}\n`);
    process.exitCode = 1;
  }
}

export async function installAndBuild() {
  const needed = Number(manifest.engines.node.match(/\d+/)[0]);
  if (Number(process.versions.node.split(".")[0]) < needed)
    throw new StepFailed(`Node ${needed} or later is needed, and this is ${process.versions.node}`);
  await pnpm("Installing the workspace's packages", ["install", "--frozen-lockfile"]);
  await pnpm("Building", ["exec", "turbo", "run", "build"]);
}

// What the scripts of the repository share: steps that show their progress, and pnpm without an installation of it.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
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

export function pnpm(title, args, options = {}) {
  // Addons are compiled against the headers that came with this Node: nothing is downloaded for it.
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, "include", "node", "node_api.h")) ? { npm_config_nodedir: prefix } : {};
  return step(title, "npx", ["-y", `pnpm@${manifest.devEngines.packageManager.version}`, ...args], {
    ...options,
    env: { ...headers, ...options.env },
  });
}

/** Waits for all of them, and throws the first failure. */
export async function together(promises) {
  for (const { reason } of await Promise.allSettled(promises)) if (reason !== undefined) throw reason;
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

/** `only`: turbo filters, where not everything is wanted. */
export async function installAndBuild(only = []) {
  const needed = Number(manifest.engines.node.match(/\d+/)[0]);
  if (Number(process.versions.node.split(".")[0]) < needed)
    throw new StepFailed(`Node ${needed} or later is needed, and this is ${process.versions.node}`);
  await pnpm("Installing the workspace's packages", ["install", "--frozen-lockfile", "--ignore-scripts"]);
  // Where single packages are built, pywasm takes what is there.
  if (only.length === 0) {
    const flags = process.env.CI ? [] : ["--where-possible"];
    await step("Making pywasm's interpreter available (minutes, the first time)", "node", [
      "scripts/get-pywasm.mjs",
      ...flags,
    ]);
  }
  await pnpm("Building", ["exec", "turbo", "run", "build", ...only]);
}

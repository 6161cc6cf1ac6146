import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, realpathSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PEERS, ROOT } from "./paths.ts";

/**
 * Installs the peers into their own workspace, without any script of theirs, and then builds the two that are native, each by
 * itself, so that one that does not build says why and keeps none of the others from being measured.
 *
 * Returns the reason for each package that could not be had, by the name of its folder.
 */
export async function installPeers(
  python: string | undefined,
  say: (text: string) => void,
): Promise<Record<string, string>> {
  const { devEngines } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as {
    devEngines: { packageManager: { version: string } };
  };
  say("installing the peers");
  const pnpm = ["-y", `pnpm@${devEngines.packageManager.version}`];
  const failed = await run("npx", [...pnpm, "install", "--ignore-scripts", "--frozen-lockfile"], PEERS, {});
  if (failed !== undefined) return { "": `the peers could not be installed: ${failed}` };
  const major = Number(process.versions.node.split(".")[0]);
  const reasons: Record<string, string> = {};
  for (const name of [`isolated-vm-${major >= 24 ? 7 : major >= 22 ? 6 : 5}`, "node-calls-python"]) {
    const reason = await build(name, python, say);
    if (reason !== undefined) reasons[name.replace(/-\d$/, "")] = reason;
  }
  return reasons;
}

/** With node-gyp, and Node's own headers where they lie beside it: those of a distribution need no download. */
async function build(
  name: string,
  python: string | undefined,
  say: (text: string) => void,
): Promise<string | undefined> {
  const dir = realpathSync(join(PEERS, "node_modules", name));
  if (existsSync(join(dir, "build/Release")) || existsSync(join(dir, "out"))) return undefined;
  say(`building ${name}, which takes a while`);
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  const headers = existsSync(join(prefix, "include/node/node.h")) ? [`--nodedir=${prefix}`] : [];
  const nodeGyp = join(PEERS, "node_modules/node-gyp/bin/node-gyp.js");
  // node-calls-python asks the first python3-config that it finds.
  const env = { PATH: [...(python === undefined ? [] : [dirname(python)]), process.env.PATH].join(":") };
  const failed = await run(process.execPath, [nodeGyp, "rebuild", "--release", ...headers], dir, env);
  if (failed !== undefined) return failed;
  // What the compiler leaves is no part of an installation; isolated-vm keeps its addon elsewhere, as its own script does.
  for (const rest of existsSync(join(dir, "out")) ? ["build"] : ["build/Release/obj.target", "build/Release/.deps"])
    await rm(join(dir, rest), { recursive: true, force: true });
  return undefined;
}

/** What went wrong, in the command's last lines; `undefined` where nothing did. */
async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string>,
): Promise<string | undefined> {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (data) => (output += data));
  child.stderr.on("data", (data) => (output += data));
  const [code] = (await once(child, "close")) as [number | null];
  const errors = output.split("\n").filter((line) => /error|ERR/i.test(line));
  return code === 0 ? undefined : (errors.length > 0 ? errors : output.trim().split("\n")).slice(0, 3).join(" ").trim();
}

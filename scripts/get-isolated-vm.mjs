// Makes isolated-vm, which packages/v8 wants, loadable in this workspace. Version 5, for Node 20, has no binary for every
// platform and is compiled, which takes minutes; what was compiled is kept in the cache folder ($EXTRUNTIME_CACHE, or
// ~/.cache/extruntime), so that the next clone costs nothing. Later versions bring their binaries.
//
//     node scripts/get-isolated-vm.mjs [--if-present] [--required]
//
// With --if-present nothing is compiled. With --required it ends with 1 where isolated-vm cannot be had.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rename } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { pnpm, root, StepFailed, say, script } from "./workspace.mjs";

/** Its install script would else look for a binary outside of the package registry first. */
const FROM_SOURCE = { npm_config_build_from_source: "true" };
const REMEDY = "npm test compiles it: have Python, make and a C++ compiler there, and run it";
const { values } = parseArgs({
  options: { "if-present": { type: "boolean", default: false }, required: { type: "boolean", default: false } },
});

await script(async () => {
  const problem = await provide();
  if (problem === undefined) return;
  say(`isolated-vm: ${problem}`);
  say(`  remedy: ${REMEDY}`);
  say("  without it there is no v8 engine here, and its tests are left out");
  if (values.required) throw new StepFailed("isolated-vm is required, and not there");
});

/** Why it is missing, or nothing. */
async function provide() {
  const folder = installed();
  if (folder === undefined) return "the package is not installed here";
  const addon = join(folder, "out", "isolated_vm.node");
  const kept = join(cacheFolder(), await nameOf(folder), "isolated_vm.node");
  if (loads(folder)) return existsSync(kept) ? undefined : void (await copied(addon, kept));
  if (await copied(kept, addon)) {
    if (loads(folder)) return void say("isolated-vm: taken from the cache");
  }
  if (values["if-present"]) return "it has not been compiled yet";
  try {
    await pnpm("Compiling isolated-vm (a few minutes, once)", ["rebuild", "isolated-vm"], { env: FROM_SOURCE });
  } catch (error) {
    if (error instanceof StepFailed) return error.message;
    throw error;
  }
  if (!loads(folder)) return "it was compiled, and does not load";
  await copied(addon, kept);
  return undefined;
}

function installed() {
  try {
    return dirname(createRequire(join(root, "package.json")).resolve("isolated-vm/package.json"));
  } catch {
    return undefined;
  }
}

/** In a process of its own: on some platforms a misfit ends the process. */
function loads(folder) {
  try {
    execFileSync(process.execPath, ["-e", "new (require(process.argv[1]).Isolate)().dispose()", folder], {
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}

function cacheFolder() {
  const { EXTRUNTIME_CACHE, XDG_CACHE_HOME } = process.env;
  return EXTRUNTIME_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "extruntime");
}

/** Of what an addon fits: the version, Node's binary interface, the platform and its C library. */
async function nameOf(folder) {
  const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const libc = process.report?.getReport().header.glibcVersionRuntime === undefined ? "other" : "glibc";
  return `isolated-vm-${version}-abi${process.versions.modules}-${process.platform}-${process.arch}-${libc}`;
}

/** Whether there was something to copy. Appears whole or not at all, since another clone may look for it. */
async function copied(from, to) {
  await mkdir(dirname(to), { recursive: true });
  const part = `${to}.${process.pid}`;
  try {
    await copyFile(from, part);
  } catch (error) {
    if (error.code === "ENOENT") return false;
    throw error;
  }
  await rename(part, to);
  return true;
}

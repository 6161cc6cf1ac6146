// Makes the interpreter of pywasm available, CPython for WebAssembly, and prints the folder in which it lies: python.wasm, stdlib.bin,
// stdlib.bin.br, THIRD_PARTY_LICENSES and versions.json.
//
//     node scripts/get-pywasm.mjs [--if-present] [--where-possible]
//
// Where it is not in the cache folder ($EXTRUNTIME_CACHE, or ~/.cache/extruntime) it is built from source: CPython and its libraries once
// (some minutes), and the link with packages/pywasm/native and the optimisation whenever these have changed (a minute). Only Debian 12 has the
// compilers, which are installed where they are missing. The same sources make the same bytes. With --if-present nothing is built,
// and nothing printed where it is not there. With --where-possible it ends well where it cannot be built, and says why.
import { copyFileSync, readdirSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compileBase } from "./pywasm/base.mjs";
import { hashOf, keep, kept } from "./pywasm/cache.mjs";
import { PYTHON_VERSION } from "./pywasm/fetch-sources.mjs";
import { link, nativeSources } from "./pywasm/link.mjs";
import { say } from "./pywasm/run.mjs";
import { packLibrary } from "./pywasm/stdlib.mjs";
import { provideToolchain, toolchainVersions } from "./pywasm/toolchain.mjs";
import { StepFailed, script } from "./workspace.mjs";

const flag = { type: "boolean", default: false };
const { values } = parseArgs({ options: { "if-present": flag, "where-possible": flag } });
const jobs = Math.min(4, availableParallelism());
const scripts = fileURLToPath(new URL("pywasm/", import.meta.url));
/** Every file of a folder. */
const filesOf = (folder) =>
  readdirSync(folder, { recursive: true })
    .map((path) => join(folder, path))
    .filter((path) => statSync(path).isFile())
    .sort();
const own = filesOf(scripts);
/** What the first step does not use. */
const LATER = /link\.mjs$|stdlib/;

await script(async () => {
  const toolchain = values["if-present"] ? toolchainVersions() : await orReason(provideToolchain);
  if (toolchain === undefined) return;
  const base = `pywasm-base-${PYTHON_VERSION}-${hashOf(
    toolchain,
    own.filter((file) => !LATER.test(relative(scripts, file))),
  )}`;
  const library = `pywasm-stdlib-${PYTHON_VERSION}-${hashOf(
    [base],
    own.filter((file) => /stdlib/.test(relative(scripts, file))),
  )}`;
  const name = `pywasm-${PYTHON_VERSION}-${hashOf([base, library], [...own, ...nativeSources()])}`;
  const make = (work, made) => build(work, made, base, library);
  const folder = values["if-present"] ? kept(name) : await orReason(() => keep(name, make));
  if (folder !== undefined) console.log(folder);
});

/** Nothing where it cannot be made and need not be there. */
async function orReason(make) {
  try {
    return await make();
  } catch (error) {
    if (!values["where-possible"] || !(error instanceof StepFailed)) throw error;
    say(error.message);
    return undefined;
  }
}

async function build(work, made, baseName, libraryName) {
  const base = await keep(baseName, (inner, folder) => compileBase(inner, folder, jobs));
  const library = await keep(libraryName, (_, folder) => packLibrary(base, folder));
  say("linking and optimising the interpreter of pywasm");
  await link(work, base, join(made, "python.wasm"), jobs);
  for (const file of ["stdlib.bin", "stdlib.bin.br"]) copyFileSync(join(library, file), join(made, file));
  for (const file of ["THIRD_PARTY_LICENSES", "versions.json"]) copyFileSync(join(base, file), join(made, file));
}

// Makes the interpreter of pywasm available, CPython for WebAssembly, and prints the folder in which it lies: python.wasm, stdlib.bin,
// stdlib.bin.br, THIRD_PARTY_LICENSES and versions.json.
//
//     node scripts/get-pywasm.mjs [--if-present] [--where-possible]
//
// Where it is not in the cache folder ($EXTRUNTIME_CACHE, or ~/.cache/extruntime) it is built from source: CPython and its libraries once
// (some minutes), and the link with packages/pywasm/native and the optimisation whenever these have changed (a minute). Only Debian 12 has the
// compilers, which are installed where they are missing. The same sources make the same bytes. With --if-present nothing is built,
// and nothing printed where it is not there. With --where-possible it ends well where it cannot be built, and says why.
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { brotliCompressSync, constants } from "node:zlib";
import { hashOf, keep, kept } from "./pywasm/cache.mjs";
import { ARCHIVES, compilePython } from "./pywasm/cpython.mjs";
import { fetchLibraries, fetchPython, fetchTimeZones, PYTHON_VERSION } from "./pywasm/fetch-sources.mjs";
import { compileLibraries, libraries } from "./pywasm/libraries.mjs";
import { writeLicences } from "./pywasm/licences.mjs";
import { link, nativeSources } from "./pywasm/link.mjs";
import { run } from "./pywasm/run.mjs";
import { provideToolchain, toolchainVersions } from "./pywasm/toolchain.mjs";
import { root, StepFailed, script } from "./workspace.mjs";

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
const own = [fileURLToPath(import.meta.url), ...filesOf(scripts)];
/** What only the second step uses. */
const SECOND = ["link.mjs"];

await script(async () => {
  const toolchain = values["if-present"] ? toolchainVersions() : toolchainOrReason();
  if (toolchain === undefined) return;
  const first = own.filter((file) => !SECOND.includes(basename(file)));
  const base = `pywasm-base-${PYTHON_VERSION}-${hashOf(toolchain, first)}`;
  const name = `pywasm-${PYTHON_VERSION}-${hashOf([base], [...own, ...nativeSources()])}`;
  const folder = values["if-present"] ? kept(name) : await keep(name, (work, made) => build(work, made, base));
  if (folder !== undefined) console.log(folder);
});

/** Nothing where it is missing and need not be there. */
function toolchainOrReason() {
  try {
    return provideToolchain();
  } catch (error) {
    if (!values["where-possible"] || !(error instanceof StepFailed)) throw error;
    say(error.message);
    return undefined;
  }
}

async function build(work, made, name) {
  const base = await keep(name, compile);
  say("linking and optimising the interpreter of pywasm");
  await link(work, base, join(made, "python.wasm"), jobs);
  for (const file of ["stdlib.bin", "stdlib.bin.br", "THIRD_PARTY_LICENSES", "versions.json"])
    copyFileSync(join(base, file), join(made, file));
}

/** CPython and its libraries: what takes long. */
async function compile(work, made) {
  const python = buildPython();
  say(`fetching the sources of CPython ${PYTHON_VERSION} and its libraries`);
  await Promise.all([fetchPython(work), fetchLibraries(work), fetchTimeZones(work, python)]);
  say(`compiling CPython ${PYTHON_VERSION} for WebAssembly (some minutes, once)`);
  await compileLibraries(work, jobs);
  await compilePython(work, python, jobs);
  mkdirSync(join(made, "lib"));
  for (const file of ARCHIVES) copyFileSync(join(work, "build", file), join(made, "lib", basename(file)));
  for (const each of Object.keys(libraries))
    copyFileSync(join(work, "libraries", `lib${each}.a`), join(made, "lib", `lib${each}.a`));
  cpSync(join(work, "python/Include"), join(made, "include"), { recursive: true });
  copyFileSync(join(work, "build/pyconfig.h"), join(made, "include/pyconfig.h"));
  const stdlib = ["python/Lib", "tzdata/tzdata", join(made, "stdlib.bin")];
  await run(work, [python, "-I", join(scripts, "stdlib.py"), ...stdlib]);
  compress(join(made, "stdlib.bin"));
  writeLicences(work, made);
}

/** What is shipped: 1.9 MB, where gzip leaves 2.7. */
function compress(file) {
  const plain = readFileSync(file);
  const { BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = constants;
  const params = { [BROTLI_PARAM_LGWIN]: 24, [BROTLI_PARAM_SIZE_HINT]: plain.length };
  writeFileSync(`${file}.br`, brotliCompressSync(plain, { params }));
}

/** That which compiles the frozen modules and the standard library: of the same version, so that the bytecode fits. */
function buildPython() {
  const args = [join(root, "scripts/get-python.sh"), "--version", "3.13"];
  return execFileSync("bash", args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
}

function say(text) {
  process.stderr.write(`get-pywasm: ${text}\n`);
}

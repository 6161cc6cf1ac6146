import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { rootPrefix } from "./apt.mjs";
import { findToolchain, onPath, output } from "./guests/find-toolchains.mjs";

/**
 * Says which compilers for the WebAssembly guests are there and installs the missing ones where that needs no question: with
 * apt-get, as root or with a sudo that asks for no password. Elsewhere it says what to install.
 *
 *     node scripts/toolchains.mjs [--only rust,c,go] [--required]
 *
 * With `--required` it fails when one is missing in the end.
 */

/** LLVM of Debian 12, for which the guests are known to build, before newer and older ones. */
const LLVM_PREFERRED = "16";

const known = Object.keys(findToolchain);
const { values } = parseArgs({ options: { only: { type: "string" }, required: { type: "boolean", default: false } } });
const languages = values.only?.split(",") ?? known;
const wrong = languages.filter((name) => !known.includes(name));
if (wrong.length > 0) {
  console.error(`toolchains: unknown: ${wrong.join(", ")}. Languages are ${known.join(", ")}.`);
  process.exit(2);
}

let missing = look();
if (missing.some(([language]) => language !== "assemblyscript")) {
  if (installMissing(missing.map(([language]) => language))) missing = look();
}
for (const [language, found] of missing) {
  console.log(`toolchains: ${language} is missing: ${found.missing}\n            remedy: ${found.remedy}`);
}
process.exitCode = missing.length > 0 && values.required ? 1 : 0;

function look() {
  const all = languages.map((language) => [language, findToolchain[language]()]);
  for (const [language, found] of all) if (!found.missing) console.log(`toolchains: ${language}: ${found.version}`);
  return all.filter(([, found]) => found.missing !== undefined);
}

/** Whether anything was installed. */
function installMissing(names) {
  const asRoot = rootPrefix();
  if (onPath("apt-get").length === 0 || asRoot === undefined) return false;
  run([...asRoot, "apt-get", "update", "-qq"]);
  const packages = debianPackages(names);
  if (packages.length === 0) return false;
  console.log(`toolchains: installing ${packages.join(" ")}`);
  return run([
    ...asRoot,
    "apt-get",
    "install",
    "-y",
    "-qq",
    "--no-install-recommends",
    "-o=Dpkg::Use-Pty=0",
    ...packages,
  ]);
}

function debianPackages(names) {
  const llvm = llvmVersion();
  const packages = [];
  if (names.includes("rust")) packages.push("rustc", "libstd-rust-dev-wasm32");
  if (names.includes("c")) packages.push("wasi-libc");
  if (names.includes("c") && llvm) packages.push(`clang-${llvm}`, `libclang-rt-${llvm}-dev-wasm32`);
  if ((names.includes("c") || names.includes("rust")) && llvm) packages.push(`lld-${llvm}`);
  // Debian 12 has Go 1.19, which is of no use here.
  if (names.includes("go") && candidateMinor("golang-go") >= 24) packages.push("golang-go");
  return packages;
}

/** The one that the distribution packages with compiler-rt for WebAssembly. */
function llvmVersion() {
  const names = (output("apt-cache", ["pkgnames", "libclang-rt-"]) ?? "").split("\n");
  const versions = names.map((name) => /^libclang-rt-(\d+)-dev-wasm32$/.exec(name)?.[1]).filter(Boolean);
  return versions.includes(LLVM_PREFERRED) ? LLVM_PREFERRED : versions.sort((a, b) => b - a)[0];
}

function candidateMinor(name) {
  return Number(/Candidate: (?:\d+:)?1\.(\d+)/.exec(output("apt-cache", ["policy", name]) ?? "")?.[1] ?? 0);
}

function run([command, ...args]) {
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0)
    console.error(`toolchains: ${command} ${args.join(" ")} failed${error ? `: ${error.message}` : ""}`);
  return status === 0;
}

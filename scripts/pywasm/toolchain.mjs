// The compilers of pywasm's interpreter, as Debian 12 has them. Other versions make another binary, so no other is looked for.
import { aptInstall } from "../apt.mjs";
import { onPath, output } from "../guests/find-toolchains.mjs";
import { StepFailed } from "../workspace.mjs";

const PACKAGES = [
  "clang-16",
  "lld-16",
  "llvm-16",
  "wasi-libc",
  "libclang-rt-16-dev-wasm32",
  "libc++-16-dev-wasm32",
  "libc++abi-16-dev-wasm32",
];
const REMEDY = `it is built with Debian's packages ${PACKAGES.join(", ")}`;

export const CC = ["clang-16", "--target=wasm32-wasi"];
export const CXX = ["clang++-16", "--target=wasm32-wasi"];
export const AR = "llvm-ar-16";
export const RANLIB = "llvm-ranlib-16";

/** What every wasm engine of Node 20 has. */
export const FEATURES = ["-mbulk-memory", "-msign-ext", "-mnontrapping-fptoint", "-mmutable-globals"];

/** The versions of the packages, by which a cached build is told apart; `undefined` where one is missing. */
export function toolchainVersions() {
  const format = "$" + "{Package} $" + "{Version} $" + "{db:Status-Status}\\n";
  const lines = output("dpkg-query", ["-W", "-f", format, ...PACKAGES])?.split("\n") ?? [];
  const installed = lines.filter((line) => line.endsWith(" installed"));
  return installed.length === PACKAGES.length ? installed.sort() : undefined;
}

/** The first cargo that runs: rustup's does so only where it was given a toolchain, and another may stand behind it. */
export function workingCargo() {
  return onPath("cargo").find((cargo) => output(cargo, ["--version"]) !== undefined);
}

/** Installs what is missing; tells the versions. */
export function provideToolchain() {
  const known = toolchainVersions() ?? (aptInstall("pywasm", PACKAGES) ? toolchainVersions() : undefined);
  if (known === undefined) throw new StepFailed(`pywasm's interpreter cannot be built here: ${REMEDY}`);
  if (workingCargo() === undefined && !aptInstall("pywasm", ["cargo"]))
    throw new StepFailed(
      "pywasm's interpreter cannot be built here: the sources of its libraries are fetched by cargo",
    );
  for (const tool of ["make", "patch", "xz"]) {
    if (onPath(tool).length > 0) continue;
    if (!aptInstall("pywasm", [tool === "xz" ? "xz-utils" : tool]))
      throw new StepFailed(`pywasm's interpreter cannot be built here: there is no ${tool}`);
  }
  return known;
}

// What takes long and seldom changes: CPython and its libraries, compiled, with the sources of the standard library and the licences.
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "../workspace.mjs";
import { ARCHIVES, compilePython } from "./cpython.mjs";
import { fetchLibraries, fetchPython, fetchTimeZones, PYTHON_VERSION } from "./fetch-sources.mjs";
import { compileLibraries, libraries } from "./libraries.mjs";
import { writeLicences } from "./licences.mjs";
import { say } from "./run.mjs";

/** That which compiles the frozen modules and the standard library: of the same version, so that the bytecode fits. */
export function buildPython() {
  const args = [join(root, "scripts/get-python.sh"), "--version", "3.13"];
  return execFileSync("bash", args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
}

/** Fills the folder `made`. */
export async function compileBase(work, made, jobs) {
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
  const isWanted = (path) => !/\/(__pycache__|test|idlelib|tkinter|turtledemo)$/.test(path);
  cpSync(join(work, "python/Lib"), join(made, "python"), { recursive: true, filter: isWanted });
  cpSync(join(work, "tzdata/tzdata"), join(made, "tzdata"), { recursive: true });
  writeLicences(work, made);
}

#!/usr/bin/env node
// Builds the addon with the system's C++ compiler (c++, or $CXX) into build/pyvm.node. Nothing is downloaded: the headers
// come from the packages node-api-headers and node-addon-api, and neither Python's headers nor its library is needed.
//
//   node scripts/build-addon.mjs [--debug | --address-sanitizer] [--out <file>]
//
// Without a compiler it says so and leaves the build as it is: the prebuilt platform packages do without one.
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

const { values: options } = parseArgs({
  options: { debug: { type: "boolean" }, "address-sanitizer": { type: "boolean" }, out: { type: "string" } },
});
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const native = join(root, "native");
const python = join(root, "python");
/** The Python half, in the order in which it runs: one program, in files by subject. */
const PYTHON_FILES = [
  "basis",
  "identity",
  "errors",
  "extensions",
  "json_rules",
  "programs",
  "own_files",
  "own_modules",
  "belongings",
  "giving_back",
  "coroutines",
  "threads",
  "host",
  "processes",
  "output",
  "interpreter",
].map((name) => join(python, `${name}.py`));
const flavour = options["address-sanitizer"] ? "asan" : options.debug ? "debug" : "release";
const objects = join(root, "build", flavour);
const out = resolve(
  options.out ?? (flavour === "release" ? join(root, "build", "pyvm.node") : join(objects, "pyvm.node")),
);
const compiler = process.env.CXX ?? "c++";
const include = headers();

const flags = [
  "-std=c++20",
  "-fPIC",
  "-fvisibility=hidden",
  `-I${native}`,
  "-Wall",
  "-Wextra",
  "-Wno-missing-field-initializers",
  "-DNAPI_VERSION=8",
  "-DNAPI_CPP_EXCEPTIONS",
  // What cannot be thrown in an environment that is being ended must not end the process.
  "-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
  ...include.map((folder) => `-isystem${folder}`),
  ...{
    // A call goes through a dozen short functions in as many files.
    release: ["-O3", "-DNDEBUG", ...(isGcc() ? ["-flto=auto"] : [])],
    // What an ended interpreter has left behind ends the process when it is looked at.
    debug: ["-O1", "-g", "-DPYVM_GUARD_ARENAS"],
    asan: ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"],
  }[flavour],
];
const linking =
  process.platform === "darwin"
    ? ["-bundle", "-undefined", "dynamic_lookup"]
    : // Its threads outlive the Node environment that loaded it, so it must never be unloaded; and the C++ library of its
      // own keeps it independent of the one that Node was linked with.
      [
        "-shared",
        "-pthread",
        "-ldl",
        "-Wl,-z,nodelete",
        "-Wl,--exclude-libs,ALL",
        `-Wl,--version-script=${join(native, "exports.map")}`,
        ...(flavour === "asan" ? [] : ["-static-libstdc++", "-static-libgcc"]),
      ];

try {
  execFileSync(compiler, ["--version"], { stdio: "ignore" });
} catch {
  process.stderr.write(
    `pyvm: no C++ compiler (${compiler}) here, so the addon is not built; set CXX, or install one\n`,
  );
  process.exit(0);
}

mkdirSync(objects, { recursive: true });
mkdirSync(dirname(out), { recursive: true });
const modified = (file) => (existsSync(file) ? statSync(file).mtimeMs : 0);
const files = readdirSync(native, { recursive: true });
const run = promisify(execFile);

const units = files
  .filter((file) => file.endsWith(".cc"))
  .map((file) => [join(native, file), join(objects, `${basename(file, ".cc")}.o`)]);
units.push([embeddedPython(), join(objects, "bootstrap_source.o")]);
const stale = units.filter(([source, object]) => modified(object) < newestInput(source, object));
try {
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      for (let unit = stale.pop(); unit !== undefined; unit = stale.pop()) {
        const { stderr } = await run(compiler, [...flags, "-MMD", "-c", unit[0], "-o", unit[1]]);
        process.stderr.write(stderr);
      }
    }),
  );
  const exported = modified(join(native, "exports.map"));
  if (Math.max(exported, ...units.map(([, object]) => modified(object))) > modified(out)) {
    const sanitizer = flavour === "asan" ? ["-fsanitize=address,undefined"] : [];
    await run(compiler, [...sanitizer, ...units.map(([, object]) => object), "-o", out, ...linking]);
  }
} catch (error) {
  process.stderr.write(error.stderr ?? String(error));
  process.exit(1);
}

/** When what an object was made from last changed: its source, this script, and the headers that the compiler noted beside it. */
function newestInput(source, object) {
  const noted = object.replace(/\.o$/, ".d");
  if (!existsSync(noted)) return Number.POSITIVE_INFINITY;
  const headers = readFileSync(noted, "utf8").replace(/^.*?: |\\\n/gs, " ");
  // A header that is gone is one that the source has done without since.
  return Math.max(...[source, fileURLToPath(import.meta.url), ...headers.trim().split(/\s+/)].map(modified));
}

/** The Python half as a C++ file, written where it has changed. */
function embeddedPython() {
  const file = join(objects, "bootstrap_source.cc");
  const program = PYTHON_FILES.map((each) => readFileSync(each, "utf8")).join("\n\n");
  const source = [
    "// Written by scripts/build-addon.mjs from the files in python/.",
    '#include "interpreter/bootstrap.h"',
    `const char pyvm::kBootstrapSource[] = R"PYTHON(${program})PYTHON";`,
    "",
  ].join("\n");
  if (!existsSync(file) || readFileSync(file, "utf8") !== source) writeFileSync(file, source);
  return file;
}

/** Clang's optimisation of the whole program needs a linker that goes with it; GCC's has its own. */
function isGcc() {
  try {
    return /Free Software Foundation/.test(execFileSync(compiler, ["--version"], { encoding: "utf8" }));
  } catch {
    return false;
  }
}

/** Of the two packages, which are no dependencies of the published one: who installs it has no need to compile. */
function headers() {
  const require = createRequire(import.meta.url);
  try {
    return [require("node-api-headers").include_dir, dirname(require.resolve("node-addon-api"))];
  } catch {
    process.stderr.write("pyvm: the headers are missing: npm install --no-save node-addon-api node-api-headers\n");
    process.exit(1);
  }
}

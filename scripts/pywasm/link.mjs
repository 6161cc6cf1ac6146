// Links CPython with the interpreter's side of pywasm, and has Binaryen optimise the whole.
import { mkdirSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { root } from "../workspace.mjs";
import { ARCHIVES } from "./cpython.mjs";
import { libraries } from "./libraries.mjs";
import { eachOf, run } from "./run.mjs";
import { CXX, FEATURES } from "./toolchain.mjs";

const LIBCXX = "/usr/lib/llvm-16";
const own = join(root, "packages/pywasm/native");
const shared = join(root, "packages/pyvm/native");
/** Of pyvm, so that JSON means the same in both engines. */
const SHARED = ["json/json_reader.cc", "json/json_writer.cc", "json/key_cache.cc"];

const COMPILE = [
  ...[
    "-std=c++17",
    "-O2",
    "-DNDEBUG",
    "-fno-exceptions",
    "-fno-rtti",
    "-fno-threadsafe-statics",
    "-fvisibility=hidden",
  ],
  // wasi-libc's headers use C's keyword in C++.
  ...["-Drestrict=__restrict", "-nostdinc++", "-isystem", `${LIBCXX}/include/wasm32-wasi/c++/v1`],
  ...["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-missing-field-initializers"],
];

/** Bytes of stack: the limits of CPython's recursion end before. */
const STACK = 1 << 20;
const LINK = [
  `-Wl,-z,stack-size=${STACK}`,
  // So that a stack that runs over traps, and writes over nothing.
  "-Wl,--stack-first",
  "-Wl,--import-memory",
  "-Wl,--export=__stack_pointer",
  "-Wl,--gc-sections",
  "-Wl,--strip-all",
];
const WASI = ["signal", "getpid", "process-clocks"].map((name) => `-lwasi-emulated-${name}`);

const OPTIMISE = [
  "--enable-bulk-memory",
  "--enable-sign-ext",
  "--enable-nontrapping-float-to-int",
  "--enable-mutable-globals",
  "-O3",
];

/** What the link is made from, beside what was compiled before. */
export function nativeSources() {
  const files = readdirSync(own, { recursive: true }).filter((file) => /\.(cc|h)$/.test(file));
  const headers = readdirSync(join(shared, "json")).map((file) => `json/${file}`);
  return [
    ...files.sort().map((file) => join(own, file)),
    ...[...headers.sort(), "cpython/python_ref.h"].map((file) => join(shared, file)),
  ];
}

/** Makes the file `wasm` with what `base` has compiled, in the folder `work`. */
export async function link(work, base, wasm, jobs) {
  mkdirSync(join(work, "objects"));
  const sources = readdirSync(own)
    .filter((file) => file.endsWith(".cc"))
    .sort()
    .map((file) => join(own, file));
  sources.push(...SHARED.map((file) => join(shared, file)));
  const includes = [own, shared, join(base, "include"), join(base, "include/internal")].map((path) => `-I${path}`);
  const objectOf = (source) => `objects/${basename(source, ".cc")}.o`;
  await eachOf(sources, jobs, (source) =>
    run(work, [
      ...CXX,
      ...COMPILE,
      ...FEATURES,
      ...includes,
      `-ffile-prefix-map=${root}=`,
      "-c",
      source,
      "-o",
      objectOf(source),
    ]),
  );
  const archives = [...ARCHIVES, ...Object.keys(libraries).map((name) => `lib${name}.a`)];
  // No -O here, with which clang would run another wasm-opt where it finds one.
  await run(work, [
    ...[...CXX, "-mexec-model=reactor", "-nostdlib++", "-o", "linked.wasm", ...sources.map(objectOf)],
    ...archives.map((path) => join(base, "lib", basename(path))),
    ...[`-L${LIBCXX}/lib/wasm32-wasi`, "-lc++", "-lc++abi", ...WASI, "-lm", ...LINK],
  ]);
  await run(work, [process.execPath, wasmOpt(), ...OPTIMISE, "linked.wasm", "-o", wasm]);
}

function wasmOpt() {
  const require = createRequire(join(root, "packages/pywasm/package.json"));
  return join(dirname(require.resolve("binaryen")), "bin/wasm-opt");
}

// Compiles the C libraries that CPython's modules use: zlib, bzip2, liblzma and SQLite.
import { mkdirSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { eachOf, run } from "./run.mjs";
import { AR, CC, FEATURES } from "./toolchain.mjs";

/** By the name of the archive. Paths are those in `crates/`; `include` is what the module of CPython needs. */
export const libraries = {
  z: { folder: "libz-sys/src/zlib", leave: /^gz/, include: ["libz-sys/src/zlib"] },
  bz2: {
    folder: "bzip2-sys/bzip2-1.0.8",
    only: /^(blocksort|bzlib|compress|crctable|decompress|huffman|randtable)\.c$/,
    include: ["bzip2-sys/bzip2-1.0.8"],
  },
  lzma: {
    folder: "liblzma-sys/xz/src/liblzma",
    folders: ["check", "common", "delta", "lz", "lzma", "rangecoder", "simple"],
    leave: /(tablegen|_mt|_small)\.c$/,
    defines: ["HAVE_CONFIG_H"],
    own: ["liblzma-sys", "liblzma-sys/xz/src/common"],
    include: ["liblzma-sys/xz/src/liblzma/api"],
  },
  sqlite3: {
    folder: "libsqlite3-sys/sqlite3",
    only: /^sqlite3\.c$/,
    defines: [
      "SQLITE_THREADSAFE=0",
      "SQLITE_OMIT_LOAD_EXTENSION",
      "SQLITE_OMIT_DEPRECATED",
      "SQLITE_OMIT_SHARED_CACHE",
      "SQLITE_DEFAULT_MEMSTATUS=0",
      "SQLITE_TEMP_STORE=3",
      "SQLITE_ENABLE_FTS5",
      "SQLITE_ENABLE_MATH_FUNCTIONS",
      "LONGDOUBLE_TYPE=double",
      "_WASI_EMULATED_GETPID",
      "_WASI_EMULATED_SIGNAL",
      "_WASI_EMULATED_PROCESS_CLOCKS",
    ],
    include: ["libsqlite3-sys/sqlite3"],
  },
};

/** Leaves lib<name>.a in `libraries/`. */
export async function compileLibraries(work, jobs) {
  mkdirSync(join(work, "libraries"));
  // SQLite is one large file, so it is begun first.
  for (const name of Object.keys(libraries).reverse()) await compile(work, name, libraries[name], jobs);
}

async function compile(work, name, { folder, folders = ["."], only, leave, defines = [], own = [], include }, jobs) {
  const objects = join(work, "libraries", name);
  mkdirSync(objects);
  const places = folders.map((each) => join("crates", folder, each));
  const sources = places.flatMap((place) => sourcesIn(work, place, only, leave));
  const includes = [...include, ...own].map((each) => join("crates", each));
  const options = [...[...includes, ...places].map((path) => `-I${path}`), ...defines.map((define) => `-D${define}`)];
  const objectOf = (source) => join("libraries", name, `${basename(source, ".c")}.o`);
  await eachOf(sources, jobs, (source) =>
    run(work, [...CC, "-O2", "-DNDEBUG", "-w", ...FEATURES, ...options, "-c", source, "-o", objectOf(source)]),
  );
  await run(work, [AR, "rcsD", `libraries/lib${name}.a`, ...sources.map(objectOf)]);
}

function sourcesIn(work, place, only, leave) {
  const files = readdirSync(join(work, place)).filter((file) => file.endsWith(".c"));
  const wanted = files.filter((file) => (only?.test(file) ?? true) && !leave?.test(file));
  return wanted.sort().map((file) => join(place, file));
}

// Compiles CPython for wasm32-wasi as static libraries, without a main program.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { libraries } from "./libraries.mjs";
import { run } from "./run.mjs";
import { AR, CC, FEATURES, RANLIB } from "./toolchain.mjs";

const changes = fileURLToPath(new URL("cpython.patch", import.meta.url));

/** What the link wants, in its order; paths are those in `build/`. */
export const ARCHIVES = [
  "libpython3.13.a",
  "Modules/_hacl/libHacl_Hash_SHA2.a",
  "Modules/expat/libexpat.a",
  "Modules/_decimal/libmpdec/libmpdec.a",
];

/** Modules that use the compiled libraries; configure looks for those of this machine only. */
const MODULES = [
  ["zlib", "z", "zlibmodule.c"],
  ["_bz2", "bz2", "_bz2module.c"],
  ["_lzma", "lzma", "_lzmamodule.c"],
  [
    "_sqlite3",
    "sqlite3",
    ...["blob", "connection", "cursor", "microprotocols", "module", "prepare_protocol", "row", "statement", "util"].map(
      (name) => `_sqlite/${name}.c`,
    ),
  ],
];

/** Useless without threads, processes, a terminal or foreign functions; and the large tables of the East Asian codecs. */
const DISABLED = [
  ...["readline", "_ctypes", "_uuid"],
  ...["cn", "hk", "iso2022", "jp", "kr", "tw"].map((name) => `_codecs_${name}`),
];

/** Configures and compiles `python/` into `build/`. */
export async function compilePython(work, python, jobs) {
  await run(join(work, "python"), ["patch", "-p1", "-s", "-i", changes]);
  mkdirSync(join(work, "build/Modules"), { recursive: true });
  await configure(join(work, "build"), python);
  writeFileSync(join(work, "build/Modules/Setup.local"), setup());
  // Debian's wasi-libc has no pthread.h, which would say how large a thread's identity is.
  const options = "OPT=-DNDEBUG -DSIZEOF_PTHREAD_T=4";
  await run(join(work, "build"), ["make", "-s", `-j${jobs}`, options, ...ARCHIVES]);
}

async function configure(folder, python) {
  const options = {
    "--host": "wasm32-wasi",
    "--build": "x86_64-linux-gnu",
    "--with-build-python": python,
    "--disable-test-modules": undefined,
    "--with-pymalloc": undefined,
    "--without-mimalloc": undefined,
    "--without-doc-strings": undefined,
    "--prefix": "/usr/local",
  };
  const args = Object.entries(options).map(([name, value]) => (value === undefined ? name : `${name}=${value}`));
  await run(folder, ["../python/configure", "-q", "-C", ...args], {
    CONFIG_SITE: "../python/Tools/wasm/config.site-wasm32-wasi",
    CC: CC.join(" "),
    AR,
    RANLIB,
    READELF: "true",
    CFLAGS: ["-O2", ...FEATURES].join(" "),
    HOSTRUNNER: "true",
    // Else it finds the libraries of this machine, whose headers do not fit.
    PKG_CONFIG: "false",
  });
}

function setup() {
  const modules = MODULES.map(([name, library, ...sources]) => {
    const includes = libraries[library].include.map((path) => `-I../crates/${path}`);
    return [name, ...sources, ...includes].join(" ");
  });
  return [...modules, "*disabled*", ...DISABLED, ""].join("\n");
}

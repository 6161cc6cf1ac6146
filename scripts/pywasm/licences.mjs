// Collects versions and licences of all that is inside, from the sources themselves.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { output } from "../guests/find-toolchains.mjs";
import { StepFailed } from "../workspace.mjs";
import { PYTHON_VERSION } from "./fetch-sources.mjs";

const LINE = "=".repeat(100);

/** `version` finds it in a file, or is a package of Debian's; `texts` are files, and parts of files. */
const components = [
  { name: "CPython", version: () => PYTHON_VERSION, texts: [["python/LICENSE"], ["python/Doc/license.rst"]] },
  { name: "HACL*", texts: [["python/Modules/_hacl/Hacl_Hash_SHA2.c", firstComment]], version: hacl },
  {
    name: "BLAKE2",
    texts: [["python/Modules/_blake2/impl/blake2.h", firstComment], ["/usr/share/common-licenses/CC0-1.0"]],
    version: () => "reference implementation of 2012",
  },
  {
    name: "libmpdec",
    texts: [["python/Modules/_decimal/libmpdec/mpdecimal.h", firstComment]],
    version: ["python/Modules/_decimal/libmpdec/mpdecimal.h", /MPD_VERSION "([^"]+)"/],
  },
  {
    name: "expat",
    texts: [["python/Modules/expat/COPYING"]],
    version: [
      "python/Modules/expat/expat.h",
      /XML_MAJOR_VERSION (\d+)\s+#\s*define XML_MINOR_VERSION (\d+)\s+#\s*define XML_MICRO_VERSION (\d+)/,
    ],
  },
  {
    name: "zlib",
    texts: [["crates/libz-sys/src/zlib/LICENSE"]],
    version: ["crates/libz-sys/src/zlib/zlib.h", /ZLIB_VERSION "([^"]+)"/],
  },
  {
    name: "bzip2",
    texts: [["crates/bzip2-sys/bzip2-1.0.8/LICENSE"]],
    version: ["crates/bzip2-sys/bzip2-1.0.8/LICENSE", /libbzip2 version (\S+)/],
  },
  {
    name: "liblzma (XZ Utils)",
    texts: [["crates/liblzma-sys/xz/COPYING.0BSD"]],
    version: [
      "crates/liblzma-sys/xz/src/liblzma/api/lzma/version.h",
      /LZMA_VERSION_MAJOR (\d+)[\s\S]*?LZMA_VERSION_MINOR (\d+)[\s\S]*?LZMA_VERSION_PATCH (\d+)/,
    ],
  },
  {
    name: "SQLite",
    texts: [["crates/libsqlite3-sys/sqlite3/sqlite3.h", firstComment]],
    version: ["crates/libsqlite3-sys/sqlite3/sqlite3.h", /SQLITE_VERSION\s+"([^"]+)"/],
  },
  {
    name: "tzdata",
    texts: [["tzdata", licencesOfPackage]],
    version: ["tzdata/tzdata/__init__.py", /__version__ = "([^"]+)"/],
  },
  {
    name: "wasi-libc, with musl and dlmalloc",
    texts: [["/usr/share/doc/wasi-libc/copyright"], ["/usr/share/common-licenses/Apache-2.0"]],
    version: "wasi-libc",
  },
  {
    name: "libc++, libc++abi and compiler-rt of LLVM",
    texts: [["/usr/share/doc/libc++-16-dev-wasm32/copyright"]],
    version: "libc++-16-dev-wasm32",
  },
];

/** Writes THIRD_PARTY_LICENSES and versions.json into the folder `made`. */
export function writeLicences(work, made) {
  const each = components.map(({ name, version, texts }) => ({
    name,
    version: versionOf(work, version),
    text: texts.map(([path, part]) => textOf(work, path, part).trim()).join(`\n\n${"-".repeat(100)}\n\n`),
  }));
  const list = each.map(({ name, version }) => `- ${name} ${version}`).join("\n");
  const head = `build/python.wasm and build/stdlib.bin contain:\n\n${list}\n\nTheir licences follow, in this order.\n`;
  const sections = each.map(({ name, version, text }) => `\n${LINE}\n${name} ${version}\n${LINE}\n\n${text}\n`);
  writeFileSync(join(made, "THIRD_PARTY_LICENSES"), head + sections.join(""));
  const versions = Object.fromEntries(each.map(({ name, version }) => [name, version]));
  writeFileSync(join(made, "versions.json"), `${JSON.stringify(versions, undefined, 2)}\n`);
}

function versionOf(work, version) {
  if (typeof version === "function") return version(work);
  if (typeof version === "string") return output("dpkg-query", ["-W", "-f", "$" + "{Version}", version]);
  const [path, pattern] = version;
  const found = pattern.exec(readFileSync(join(work, path), "utf8"));
  if (found === null) throw new StepFailed(`${path} no longer says its version`);
  return found.slice(1).join(".");
}

function textOf(work, path, part = (text) => text) {
  const place = path.startsWith("/") ? path : join(work, path);
  const text = part === licencesOfPackage ? licencesOfPackage(place) : part(readFileSync(place, "utf8"));
  if (text.trim() === "") throw new StepFailed(`${path} no longer has its licence`);
  return text;
}

function firstComment(text) {
  const comment = /^\s*\/\*([\s\S]*?)\*\//.exec(text)?.[1] ?? "";
  return comment.replace(/^[ ]?\*+[ ]?/gm, "");
}

function licencesOfPackage(folder) {
  const files = readdirSync(folder, { recursive: true }).filter((file) => /\.dist-info\/.*LICENSE[^/]*$/.test(file));
  return files
    .sort()
    .map((file) => readFileSync(join(folder, file), "utf8"))
    .join("\n");
}

function hacl(work) {
  const script = readFileSync(join(work, "python/Modules/_hacl/refresh.sh"), "utf8");
  return /expected_hacl_star_rev=(\w+)/.exec(script)?.[1].slice(0, 12) ?? "";
}

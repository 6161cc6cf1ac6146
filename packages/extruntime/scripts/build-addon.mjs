#!/usr/bin/env node
// Builds what is native with the system's C compiler (cc, or $CC), for Linux: build/supervisor, the program of native/supervisor, and
// native/mapped_file.c into build/mapped_file.node. Without a compiler it says so and leaves the build as it is: processes then take
// the slower road, and have no memory limit and no sandbox.
//
//   node scripts/build-addon.mjs [--out <file of the addon; the program comes beside it>]
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({ options: { out: { type: "string" } } });
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const native = (...names) => names.map((name) => join(root, "native", name));
const addon = resolve(options.out ?? join(root, "build", "mapped_file.node"));
const program = join(dirname(addon), "supervisor");
const compiler = process.env.CC ?? "cc";

if (process.platform !== "linux") process.exit(0);
const { include_dir: headers } = createRequire(import.meta.url)("node-api-headers");
const parts = native("supervisor/main.c", "supervisor/tree.c", "supervisor/memory.c");
compile(program, parts, native("supervisor/tree.h", "supervisor/memory.h"), []);
compile(addon, native("mapped_file.c"), [], ["-fPIC", "-shared", "-fvisibility=hidden", `-isystem${headers}`]);

function compile(out, sources, others, flags) {
  if (existsSync(out) && [...sources, ...others].every((file) => statSync(out).mtimeMs > statSync(file).mtimeMs))
    return;
  if (!hasCompiler()) {
    process.stderr.write(`extruntime: no C compiler (${compiler}) here, so ${basename(out)} is not built\n`);
    return;
  }
  mkdirSync(dirname(out), { recursive: true });
  const all = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", ...flags, ...sources, "-o", out];
  execFileSync(compiler, all, { stdio: "inherit" });
}

function hasCompiler() {
  try {
    execFileSync(compiler, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

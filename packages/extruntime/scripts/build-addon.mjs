#!/usr/bin/env node
// Builds native/mapped_file.c with the system's C compiler (cc, or $CC) into build/mapped_file.node, where the platform is one that
// uses it. Without a compiler it says so and leaves the build as it is: processes then take the slower road.
//
//   node scripts/build-addon.mjs [--out <file>]
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({ options: { out: { type: "string" } } });
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "native", "mapped_file.c");
const out = resolve(options.out ?? join(root, "build", "mapped_file.node"));
const compiler = process.env.CC ?? "cc";

if (process.platform !== "linux" || process.arch !== "x64") process.exit(0);
if (existsSync(out) && statSync(out).mtimeMs > statSync(source).mtimeMs) process.exit(0);
try {
  execFileSync(compiler, ["--version"], { stdio: "ignore" });
} catch {
  process.stderr.write(`extruntime: no C compiler (${compiler}) here, so native/mapped_file.c is not built\n`);
  process.exit(0);
}
const { include_dir: headers } = createRequire(import.meta.url)("node-api-headers");
mkdirSync(dirname(out), { recursive: true });
const flags = ["-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror"];
execFileSync(compiler, [...flags, `-isystem${headers}`, source, "-o", out], { stdio: "inherit" });

import { execFileSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findToolchain } from "../../scripts/guests/find-toolchains.mjs";

/**
 * Builds the benchmark's own guests in C, where they are not up to date: `node benchmarks/guests/build.mjs`.
 * Without a compiler it says what is missing, and the subjects that need them are reported as missing.
 */

const here = fileURLToPath(new URL(".", import.meta.url));
const shared = ["validate.c", "json_read.c", "json_string.c"].map((file) =>
  join(here, "../../fixtures/validate-email/wasm-c", file),
);
const guests = [
  { sources: [join(here, "compute/wasm/compute.c")], out: join(here, "compute/wasm/compute.wasm") },
  { sources: [join(here, "extism/validate.c"), ...shared], out: join(here, "extism/validate.wasm") },
];

const stale = guests.filter(
  ({ sources, out }) => !existsSync(out) || sources.some((file) => statSync(file).mtimeMs > statSync(out).mtimeMs),
);
if (stale.length > 0) build(findToolchain.c());

function build(clang) {
  if (clang.missing !== undefined) {
    console.log(`guests of the benchmark left out: ${clang.missing}\n  remedy: ${clang.remedy}`);
    return;
  }
  for (const { sources, out } of stale)
    execFileSync(
      clang.command,
      [
        ...["--target=wasm32-wasi", "-mexec-model=reactor", "-std=c11", "-O3", "-Wall", "-Wextra", "-Wl,--strip-all"],
        ...["-o", out, ...sources],
      ],
      { stdio: ["ignore", "inherit", "inherit"] },
    );
}

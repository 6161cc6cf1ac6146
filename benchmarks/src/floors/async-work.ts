import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { BENCHMARKS, FLOORS } from "../paths.ts";

/** An empty `napi_async_work` and back: what an asynchronous native call costs that does nothing. */
export function asyncWork(): () => Promise<void> {
  const addon = createRequire(import.meta.url)(build()) as { run(callback: () => void): void };
  return () => new Promise((resolve) => addon.run(resolve));
}

/** Compiles it once. Throws where there is no C compiler, or no headers of Node-API. */
function build(): string {
  const source = join(FLOORS, "async_work.c");
  const folder = join(BENCHMARKS, ".cache");
  const file = join(folder, `async_work-${process.platform}-${process.arch}.node`);
  if (existsSync(file) && statSync(file).mtimeMs > statSync(source).mtimeMs) return file;
  mkdirSync(folder, { recursive: true });
  const flags = process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : [];
  const args = [
    "-O2",
    "-shared",
    "-fPIC",
    ...flags,
    "-I",
    headers(),
    "-DNODE_GYP_MODULE_NAME=async_work",
    "-o",
    file,
    source,
  ];
  execFileSync("cc", args, { stdio: ["ignore", "ignore", "pipe"] });
  return file;
}

function headers(): string {
  const package_ = createRequire(import.meta.url).resolve("node-api-headers/package.json");
  return join(dirname(realpathSync(package_)), "include");
}

import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Finds the compilers that the WebAssembly guests need. Each finder answers with the compiler's version and what a build
 * must know of it, or with what is missing and what to do about it. None of them installs anything.
 */

export const fixturesDir = fileURLToPath(new URL("../../fixtures/", import.meta.url));

/** By the name that `--only` takes. */
export const findToolchain = { assemblyscript: findAssemblyScript, rust: findRust, c: findClang, go: findGo };

/** From 1.24 on Go exports functions of a WebAssembly module (`go:wasmexport`). */
const GO_MINOR = 24;

/** Newest first, as Debian, Ubuntu and apt.llvm.org name them: `clang-16`, `wasm-ld-16`. */
const LLVM_VERSIONS = Array.from({ length: 12 }, (_, index) => 25 - index);

function findAssemblyScript() {
  const require = createRequire(join(fixturesDir, "package.json"));
  try {
    // The compiler itself is exported to `import` alone, which cannot be asked from another folder's point of view.
    const file = require.resolve("assemblyscript/package.json");
    const { version, exports } = JSON.parse(readFileSync(file, "utf8"));
    return { version: `assemblyscript ${version}`, module: join(dirname(file), exports["./asc"].import) };
  } catch (cause) {
    if (cause.code !== "MODULE_NOT_FOUND") throw cause;
    return { missing: "the package assemblyscript is not installed", remedy: "run `pnpm install` at the root" };
  }
}

function findRust() {
  const remedy =
    "`rustup target add wasm32-unknown-unknown wasm32-wasip1`, or Debian's packages rustc, libstd-rust-dev-wasm32 and lld-16";
  const compilers = onPath("rustc");
  if (compilers.length === 0) return { missing: "there is no rustc on the PATH", remedy };
  // A rustup compiler often comes first and has no WebAssembly target, while the system's own has one.
  for (const command of compilers) {
    const standalone = rustTarget(command, ["wasm32-unknown-unknown"]);
    // Renamed in Rust 1.78; the old name is gone since 1.84.
    const wasi = rustTarget(command, ["wasm32-wasip1", "wasm32-wasi"]);
    if (standalone === undefined || wasi === undefined) continue;
    const linker = hasOwnLinker(command) ? undefined : wasmLinker();
    if (linker === null) return { missing: `${command} has no linker for WebAssembly (wasm-ld)`, remedy };
    return { version: `${output(command, ["--version"])} at ${command}`, command, standalone, wasi, linker };
  }
  return { missing: `${compilers.join(" and ")} cannot compile for WebAssembly: no standard library for it`, remedy };
}

function rustTarget(command, names) {
  return names.find((name) => {
    const libraries = output(command, ["--print", "target-libdir", "--target", name]);
    return libraries && existsSync(libraries) && readdirSync(libraries).some((file) => file.startsWith("libstd-"));
  });
}

function hasOwnLinker(command) {
  const sysroot = output(command, ["--print", "sysroot"]);
  const host = /^host: (.+)$/m.exec(output(command, ["-vV"]) ?? "")?.[1];
  if (sysroot === undefined || host === undefined) return false;
  return existsSync(
    join(sysroot, "lib/rustlib", host, "bin", process.platform === "win32" ? "rust-lld.exe" : "rust-lld"),
  );
}

function wasmLinker() {
  const names = ["wasm-ld", ...LLVM_VERSIONS.map((version) => `wasm-ld-${version}`)];
  return names.find((name) => onPath(name).length > 0) ?? null;
}

function findClang() {
  const remedy =
    "Debian's packages clang-16, lld-16, wasi-libc and libclang-rt-16-dev-wasm32, or wasi-sdk with WASI_SDK_PATH set";
  // biome-ignore lint/suspicious/noUndeclaredEnvVars: says where a compiler is; turbo runs and caches none of this.
  const sdk = process.env.WASI_SDK_PATH;
  const names = ["clang", ...LLVM_VERSIONS.map((version) => `clang-${version}`)];
  const compilers = [...(sdk ? [join(sdk, "bin/clang")] : []), ...names.flatMap(onPath)];
  if (compilers.length === 0) return { missing: "there is no clang on the PATH", remedy };
  const command = compilers.find(buildsForWasi);
  if (command === undefined) {
    return { missing: `${compilers.join(", ")}: without wasi-libc, compiler-rt for WebAssembly, or wasm-ld`, remedy };
  }
  return { version: `${output(command, ["--version"])?.split("\n")[0]} at ${command}`, command };
}

function buildsForWasi(command) {
  const ask = (...question) => output(command, ["--target=wasm32-wasi", ...question]);
  return (
    existsSync(ask("-print-file-name=crt1-command.o") ?? "") &&
    existsSync(ask("--rtlib=compiler-rt", "-print-libgcc-file-name") ?? "") &&
    // Debian's clang answers `wasm-ld` and then runs `wasm-ld-16`.
    (existsSync(ask("-print-prog-name=wasm-ld") ?? "") || wasmLinker() !== null)
  );
}

function findGo() {
  const remedy = `install Go 1.${GO_MINOR} or later and put it on the PATH`;
  const [command] = onPath("go");
  if (command === undefined) return { missing: "there is no go on the PATH", remedy };
  // Asked where the sources are: a Go that may fetch toolchains answers with the one that go.mod wants.
  const version = output(command, ["env", "GOVERSION"], { cwd: join(fixturesDir, "validate-email") });
  const minor = Number(/^go1\.(\d+)/.exec(version ?? "")?.[1] ?? Number.POSITIVE_INFINITY);
  if (version === undefined || minor < GO_MINOR) {
    return { missing: `${command} is ${version ?? "older than the sources allow"}`, remedy };
  }
  return { version: `${version} at ${command}`, command };
}

/** Every file of that name on the PATH that can be run, in order. */
export function onPath(name) {
  const file = process.platform === "win32" ? `${name}.exe` : name;
  const places = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  return [...new Set(places.map((place) => join(place, file)))].filter(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What a command prints, trimmed; `undefined` when it fails. */
export function output(command, args, options = {}) {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], ...options }).trim();
  } catch {
    return undefined;
  }
}

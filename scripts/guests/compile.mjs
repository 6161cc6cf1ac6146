import { execFile } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { fixturesDir } from "./find-toolchains.mjs";

/**
 * One function a language: compiles a guest of the recipes to `outFile`, an absolute path, with a toolchain that was found.
 * Resolves to the compiler's warnings; rejects with an Error whose message holds what it said.
 */

export const compile = { assemblyscript: compileAssemblyScript, rust: compileRust, c: compileC, go: compileGo };

const run = promisify(execFile);

async function compileAssemblyScript(guest, outFile, toolchain) {
  // In this process: loading the compiler takes longer than compiling one guest.
  const asc = await import(pathToFileURL(toolchain.module));
  const args = [guest.entry, "--baseDir", fixturesDir, "--outFile", outFile, ...guest.flags];
  const { error, stderr } = await asc.main(args);
  if (error) throw new Error(`${stderr.toString()}${error.message}`);
  return stderr.toString();
}

function compileRust(guest, outFile, toolchain) {
  const target = guest.command ? toolchain.wasi : toolchain.standalone;
  return command(toolchain.command, [
    ...["--edition=2021", "--crate-name=guest", "--target", target],
    ...(guest.command ? [] : ["--crate-type=cdylib"]),
    ...["-Copt-level=3", "-Clto=fat", "-Ccodegen-units=1", "-Cpanic=abort", "-Cstrip=symbols"],
    ...(toolchain.linker === undefined ? [] : [`-Clinker=${toolchain.linker}`]),
    ...["-o", outFile, join(fixturesDir, guest.entry)],
  ]);
}

function compileC(guest, outFile, toolchain) {
  return command(toolchain.command, [
    ...["--target=wasm32-wasi", "-std=c11", "-O3", "-Wall", "-Wextra", "-Wl,--strip-all"],
    ...(guest.command ? [] : ["-mexec-model=reactor"]),
    ...["-o", outFile, ...guest.entry.map((file) => join(fixturesDir, file))],
  ]);
}

function compileGo(guest, outFile, toolchain) {
  return command(
    toolchain.command,
    [
      ...["build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"],
      ...(guest.command ? [] : ["-buildmode=c-shared"]),
      ...["-o", outFile, "."],
    ],
    { cwd: join(fixturesDir, guest.folder), env: { ...process.env, GOOS: "wasip1", GOARCH: "wasm", CGO_ENABLED: "0" } },
  );
}

async function command(file, args, options = {}) {
  try {
    const { stderr } = await run(file, args, { maxBuffer: 16 << 20, ...options });
    return stderr;
  } catch (cause) {
    throw new Error(`${[file, ...args].join(" ")}\n${cause.stderr || cause.message}`, { cause });
  }
}

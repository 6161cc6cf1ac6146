import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
// @ts-expect-error: a script of the repository, without types.
import { findToolchain } from "../../../scripts/guests/find-toolchains.mjs";
import { type SdkLanguage, sdkFolder } from "../src/index.ts";

const run = promisify(execFile);
const GUESTS = fileURLToPath(new URL("guests", import.meta.url));
const asc = fileURLToPath(new URL("../node_modules/assemblyscript/bin/asc.js", import.meta.url));

export type Compiled = Exclude<SdkLanguage, "python">;

interface Toolchain {
  readonly missing?: string;
  readonly command: string;
  readonly linker?: string;
}

/** Why a language cannot be built here; `undefined` where it can. */
export function missing(language: Compiled): string | undefined {
  return toolchain(language).missing;
}

function toolchain(language: Compiled): Toolchain {
  return (findToolchain as Record<string, () => Toolchain>)[language]!();
}

/** Compiles the guest of a language as its users do, in `folder`. Returns the module's bytes. */
export async function build(language: Compiled, folder: string): Promise<Uint8Array> {
  const file = join(folder, "guest.wasm");
  await BUILDS[language](folder, file);
  return readFileSync(file);
}

const BUILDS: Readonly<Record<Compiled, (folder: string, file: string) => Promise<unknown>>> = {
  assemblyscript: (_folder, file) =>
    run(process.execPath, [asc, join(GUESTS, "index.ts"), "--outFile", file, "--optimize"]),
  c: (_folder, file) =>
    run(toolchain("c").command, [
      ...["--target=wasm32-wasi", "-mexec-model=reactor", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"],
      ...["-I", sdkFolder("c"), "-o", file, join(GUESTS, "index.c")],
    ]),
  go: (folder, file) => {
    cpSync(join(GUESTS, "main.go"), join(folder, "main.go"));
    cpSync(sdkFolder("go"), join(folder, "extruntime"), { recursive: true });
    const needs = "require extruntime v0.0.0\n\nreplace extruntime => ./extruntime\n";
    writeFileSync(join(folder, "go.mod"), `module guest\n\ngo 1.24\n\n${needs}`);
    return run(toolchain("go").command, ["build", "-buildmode=c-shared", "-o", file, "."], {
      cwd: folder,
      env: { ...process.env, GOOS: "wasip1", GOARCH: "wasm", GOFLAGS: "-mod=mod" },
    });
  },
  rust: async (folder, file) => {
    mkdirSync(join(folder, "src"));
    cpSync(join(GUESTS, "lib.rs"), join(folder, "src/lib.rs"));
    writeFileSync(join(folder, "Cargo.toml"), cargoToml());
    // The crates of Debian, where the compiler is Debian's: those that are published want a newer one.
    const { command, linker } = toolchain("rust");
    const env = { ...process.env, RUSTC: command, CARGO_HOME: join(folder, "cargo") };
    if (linker !== undefined) Object.assign(env, { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: linker });
    const debian = command === "/usr/bin/rustc";
    mkdirSync(join(folder, "cargo"));
    if (debian)
      writeFileSync(
        join(folder, "cargo/config.toml"),
        '[source.crates-io]\nreplace-with = "debian"\n[source.debian]\ndirectory = "/usr/share/cargo/registry"\n',
      );
    await run(debian ? "/usr/bin/cargo" : "cargo", ["build", "--release", "--target", "wasm32-unknown-unknown"], {
      cwd: folder,
      env,
    });
    cpSync(join(folder, "target/wasm32-unknown-unknown/release/guest.wasm"), file);
  },
};

function cargoToml(): string {
  return `[package]
name = "guest"
version = "0.1.0"
edition = "2021"

[lib]
crate-type = ["cdylib"]

[dependencies]
extruntime-guest = { path = ${JSON.stringify(sdkFolder("rust"))} }
serde = { version = "1", features = ["derive"] }
`;
}

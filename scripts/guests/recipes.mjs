import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fixturesDir } from "./find-toolchains.mjs";

/**
 * What to build, of which sources. Paths are relative to `fixtures`.
 *
 * @typedef {object} Guest
 * @property {string} folder the extension's folder; the manifest's `module` is built into it
 * @property {"assemblyscript" | "rust" | "c" | "go"} language
 * @property {string | string[]} [entry] what the compiler is given
 * @property {string[]} [flags] for the compiler
 * @property {string[]} [uses] other folders (not what is below them) and files that it is built from
 * @property {boolean} [command] the WASI command ABI instead of the pointer ABI
 */

// The guest allocates nothing that a garbage collector would have to find, and imports nothing.
const BARE = ["-O3", "--runtime", "minimal", "--noAssert", "--use", "abort="];

// As the compiler does it unasked: a garbage collector of its own, and `env.abort` for what is thrown.
const USUAL = ["-O3"];

const C_SOURCES = ["validate.c", "json_read.c", "json_string.c"].map((file) => `validate-email/wasm-c/${file}`);

/** @type {Guest[]} */
const validateEmail = [
  {
    folder: "validate-email/wasm-assemblyscript",
    language: "assemblyscript",
    entry: "validate-email/wasm-assemblyscript/validate.ts",
    flags: BARE,
  },
  { folder: "validate-email/wasm-rust", language: "rust", entry: "validate-email/wasm-rust/lib.rs" },
  {
    folder: "validate-email/wasm-rust-command",
    language: "rust",
    entry: "validate-email/wasm-rust-command/main.rs",
    uses: ["validate-email/wasm-rust"],
    command: true,
  },
  { folder: "validate-email/wasm-c", language: "c", entry: [...C_SOURCES, "validate-email/wasm-c/exports.c"] },
  {
    folder: "validate-email/wasm-c-command",
    language: "c",
    entry: [...C_SOURCES, "validate-email/wasm-c-command/main.c"],
    uses: ["validate-email/wasm-c"],
    command: true,
  },
  {
    folder: "validate-email/wasm-go",
    language: "go",
    uses: ["validate-email/wasm-go/validate", "validate-email/go.mod"],
    command: true,
  },
  {
    folder: "validate-email/wasm-go-reactor",
    language: "go",
    uses: ["validate-email/wasm-go/validate", "validate-email/go.mod"],
  },
];

/** @type {Guest[]} */
const hostCall = [
  { folder: "host-call/wasm-c", language: "c", entry: ["host-call/wasm-c/lookup.c"] },
  { folder: "host-call/wasm-c-command", language: "c", entry: ["host-call/wasm-c-command/main.c"], command: true },
  { folder: "host-call/wasm-rust", language: "rust", entry: "host-call/wasm-rust/lib.rs" },
];

/** @returns {Guest[]} every guest; a folder of `guests/wasm` is one when it has a manifest. */
export function recipes() {
  const folders = readdirSync(join(fixturesDir, "guests/wasm")).map((name) => `guests/wasm/${name}`);
  const guests = folders.filter((folder) => existsSync(join(fixturesDir, folder, "extension.json")));
  return [
    ...validateEmail,
    ...hostCall,
    ...guests.map((folder) => ({
      folder,
      language: "assemblyscript",
      entry: `${folder}/guest.ts`,
      flags: USUAL,
      uses: ["guests/wasm/abi"],
    })),
  ];
}

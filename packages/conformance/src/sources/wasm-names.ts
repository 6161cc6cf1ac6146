import type { KitGuest } from "./kit-guest.ts";
import { packed, pointerFunction, pointerGuest } from "./wasm.ts";
import { call, DROP, i32 } from "./wasm-assembler.ts";

/** Under which hosts offer something of theirs, or might. */
const MODULES = [
  "env",
  "host",
  "sys",
  "node",
  "js",
  "wasi_unstable",
  "wasi_snapshot_preview0",
  "extism",
  "imports",
  "a",
];
const NAMES =
  "read readFile read_file readFileSync open fopen file load slurp get exec system spawn eval run_script require import fetch http request connect socket getenv env environ cwd chdir write writeFile unlink exit kill fork dlopen syscall __syscall emscripten_run_script";

/** A module that imports one function and calls it with a text; `undefined` would be its answer. */
export function importingGuest(module: string, name: string): KitGuest {
  return pointerGuest(
    {
      imports: [{ module, name, params: ["i32", "i32"], results: ["i32"] }],
      functions: [pointerFunction("attempt", i32(64), i32(4), call(0), DROP, packed(i32(64), i32(0)))],
    },
    ["attempt"],
  );
}

/** Imports that no engine has by its language. */
export function strangeImports(): readonly (readonly [module: string, name: string])[] {
  return NAMES.split(" ").map((name, i) => [MODULES[i % 3 === 0 ? 0 : i % MODULES.length]!, name] as const);
}

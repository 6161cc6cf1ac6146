// Packs the standard library, with the time zones.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import { buildPython } from "./base.mjs";
import { run, say } from "./run.mjs";

const script = fileURLToPath(new URL("stdlib.py", import.meta.url));
/** Modules of ours in place of some that cannot be there. */
const own = fileURLToPath(new URL("stdlib/", import.meta.url));

/** Leaves stdlib.bin, and stdlib.bin.br, which is shipped: 1.9 MB, where gzip leaves 2.7. */
export async function packLibrary(base, made) {
  say("packing the standard library");
  const file = join(made, "stdlib.bin");
  await run(made, [buildPython(), "-I", script, join(base, "python"), own, join(base, "tzdata"), file]);
  const plain = readFileSync(file);
  const { BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = constants;
  const params = { [BROTLI_PARAM_LGWIN]: 24, [BROTLI_PARAM_SIZE_HINT]: plain.length };
  writeFileSync(`${file}.br`, brotliCompressSync(plain, { params }));
}

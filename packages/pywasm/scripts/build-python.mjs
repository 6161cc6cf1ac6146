// Makes build/: the interpreter that scripts/get-pywasm.mjs has built, with ticks, by which a deadline stops it; the state of a Python that was started in it;
// and the standard library.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { addTicks, readShape } from "@extruntime/wasm/machine";
import { readStandardLibrary } from "../dist/files/standard-library.js";
import { BUILD, compileCode, startPython } from "../dist/interpreter/code.js";
import { standStill } from "./stand-still.mjs";
import { withoutData } from "./without-data.mjs";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const build = path("../build");
/** In the order in which they run, as one program. Those of pyvm have the same meaning in both engines. */
const PYTHON_HALF = [
  "python/basis.py",
  "../pyvm/python/errors.py",
  "../pyvm/python/host.py",
  "../pyvm/python/json_rules.py",
  "../pyvm/python/output.py",
  "python/coroutines.py",
  "python/programs.py",
  "python/interpreter.py",
];
/** The image has one, which is no secret: whoever has the package has it. */
const HASH_SEED = 1;

const made =
  process.env.PYWASM_MADE ??
  execFileSync(process.execPath, [path("../../../scripts/get-pywasm.mjs"), "--if-present"], {
    encoding: "utf8",
  }).trim();
if (made === "") {
  console.error("pywasm: there is no interpreter yet: run `node scripts/get-pywasm.mjs`, then build again");
} else {
  mkdirSync(build, { recursive: true });
  const plain = readFileSync(join(made, "python.wasm"));
  // What has no loop ends soon: the C stack does.
  const bytes = addTicks(plain, readShape(plain), { callsEndSoon: true });
  const half = PYTHON_HALF.map((file) => readFileSync(path(`../${file}`), "utf8")).join("\n");
  const library = readStandardLibrary(readFileSync(join(made, "stdlib.bin")));
  const code = await compileCode(bytes);
  const image = standStill(() => startPython(code, library, half, HASH_SEED));
  put(BUILD.code, withoutData(bytes));
  put(BUILD.image, image.memory.toBytes());
  for (const name of [BUILD.library, "THIRD_PARTY_LICENSES", "versions.json"])
    copyFileSync(join(made, name), join(build, name));
}

/** Whole or not at all: tests may run beside a build. */
function put(name, bytes) {
  writeFileSync(join(build, `${name}.new`), bytes);
  renameSync(join(build, `${name}.new`), join(build, name));
}

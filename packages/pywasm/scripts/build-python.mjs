// Makes build/: the interpreter that scripts/get-pywasm.mjs has built, with ticks, by which a deadline stops it; the standard library; and the Python half.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { addTicks, readShape } from "@extruntime/wasm/machine";

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
  writeFileSync(join(build, "python.wasm"), bytes);
  const half = PYTHON_HALF.map((file) => readFileSync(path(`../${file}`), "utf8")).join("\n");
  writeFileSync(join(build, "python-half.py"), half);
  copyFileSync(join(made, "stdlib.bin"), join(build, "stdlib.bin"));
  for (const name of ["THIRD_PARTY_LICENSES", "versions.json"])
    if (existsSync(join(made, name))) copyFileSync(join(made, name), join(build, name));
}

// Looks through the Python half by ruff, as WebAssembly: the linter, over all files as the one program that they are. With --format it writes each file as the formatter has it.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const { PositionEncoding, Workspace } = createRequire(import.meta.url)("@astral-sh/ruff-wasm-nodejs");

const folder = fileURLToPath(new URL("../python/", import.meta.url));
/** Names that the addon puts into the program before it runs. */
const interpreterStart = readFileSync(new URL("../native/executor/start_interpreter.cc", import.meta.url), "utf8");
const given = [...interpreterStart.matchAll(/\bset\("(\w+)"/g)].map((match) => match[1]);
/** Imports stand where they are used first, some for their effect alone; long lines are text. */
const IGNORED = ["E401", "E402", "E501", "F401", "I001"];

const ruff = new Workspace(
  {
    "line-length": 130,
    "target-version": "py311",
    builtins: given,
    lint: { select: ["E", "F", "W", "B"], ignore: IGNORED },
  },
  PositionEncoding.Utf16,
);

const files = readdirSync(folder).filter((file) => file.endsWith(".py"));
if (process.argv.includes("--format"))
  for (const file of files) {
    const text = readFileSync(join(folder, file), "utf8");
    const formatted = ruff.format(text);
    if (formatted !== text) writeFileSync(join(folder, file), formatted);
  }

/** Lines of the whole program, by file. */
const lines = files.flatMap((file) =>
  readFileSync(join(folder, file), "utf8")
    .replace(/\n$/, "")
    .split("\n")
    .map((text, index) => ({ file, row: index + 1, text })),
);
const faults = ruff.check(`${lines.map(({ text }) => text).join("\n")}\n`);
for (const { code, message, start_location } of faults) {
  const { file, row } = lines[start_location.row - 1];
  console.error(`python/${file}:${row}: ${code} ${message}`);
}
if (faults.length > 0) process.exitCode = 1;

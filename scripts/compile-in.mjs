// Copies the sources of a private package of the workspace into src/<name>/ of the package whose folder this runs in, which compiles them as its own.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./workspace.mjs";

const [name] = process.argv.slice(2);
const home = join(root, "packages", name, "src");
const copies = join("src", name);

mkdirSync(copies, { recursive: true });
const files = readdirSync(home);
for (const file of readdirSync(copies)) if (!files.includes(file)) rmSync(join(copies, file));
for (const file of files) {
  const text = `// A copy: edit packages/${name}/src/${file}.\n${readFileSync(join(home, file), "utf8")}`;
  const copy = join(copies, file);
  if (read(copy) !== text) writeFileSync(copy, text);
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

// Uses popular packages of pure Python in pywasm, and writes docs/pywasm-packages.md from what came of it.
//
//     node scripts/pywasm-packages.mjs [--only jinja2,sympy] [--pin]
//
// Each package of packages/pywasm/test/packages/list.txt is installed with pip into a folder of its own, found by `python.path`, used
// once, and removed. --pin writes the installed versions into the list. It takes some minutes.
import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { root, StepFailed, script, step } from "./workspace.mjs";

const { values: options } = parseArgs({
  options: { only: { type: "string" }, pin: { type: "boolean", default: false } },
});
const run = promisify(execFile);
const folder = join(root, "packages/pywasm/test/packages");
const page = join(root, "docs/pywasm-packages.md");
const list = join(folder, "list.txt");
/** Milliseconds for one package to be installed, and to be used. */
const INSTALL_LIMIT = 300_000;
const USE_LIMIT = 120_000;

await script(async () => {
  const { pywasm } = await import("../packages/pywasm/dist/index.js");
  const python = execFileSync("bash", [join(root, "scripts/get-python.sh")], { encoding: "utf8" }).trim();
  const only = options.only?.split(",");
  const results = [];
  for (const each of parse(await readFile(list, "utf8"))) {
    if (only !== undefined && !only.includes(each.name)) continue;
    const result = { ...each, ...(await tryPackage(pywasm, python, each)) };
    results.push(result);
    console.log(`${each.name} ${result.version ?? ""}: ${said(result)}`);
  }
  if (options.pin) await pin(results);
  if (only === undefined) {
    await writeFile(page, document(results));
    await step("Formatting the page", "npx", ["biome", "format", "--write", page]);
  }
  const bad = results.filter(({ works, lacks }) => (works === true) === lacks).map(({ name }) => name);
  if (bad.length > 0)
    throw new StepFailed(`these packages do other than packages/pywasm/test/packages/list.txt says: ${bad.join(", ")}`);
});

function parse(text) {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [wanted, statements, ...expression] = line.replace(/^- /, "").split(" | ");
    const name = wanted.replace(/[=<>!~[].*/, "");
    return {
      name,
      wanted: wanted.split(" "),
      lacks: line.startsWith("- "),
      use: [statements, expression.join(" | ")],
      line,
    };
  });
}

async function tryPackage(pywasm, python, { name, wanted, use }) {
  const packages = await mkdtemp(join(tmpdir(), "extruntime-package-"));
  try {
    const args = ["-m", "pip", "install", "--quiet", "--root-user-action", "ignore", "--target", packages, ...wanted];
    await run(python, args, { timeout: INSTALL_LIMIT });
    return { version: await versionOf(packages, name), works: await usePackage(pywasm, packages, use) };
  } catch (error) {
    return { error: lastLine(String(error.stderr ?? error.message)) };
  } finally {
    await rm(packages, { recursive: true, force: true });
  }
}

async function usePackage(pywasm, packages, use) {
  const manifest = {
    name: "user",
    runtime: "pywasm",
    module: "guest.py",
    exports: ["use"],
    python: { path: [packages] },
  };
  const files = { "guest.py": await readFile(join(folder, "guest.py")) };
  const module = await pywasm().load({ manifest, files }, { limits: { memoryMb: 256 } });
  try {
    return await module.call("use", use, { timeoutMs: USE_LIMIT });
  } finally {
    await module.close();
  }
}

async function versionOf(packages, name) {
  const normal = (text) => text.toLowerCase().replace(/[-_.]+/g, "_");
  const infos = (await readdir(packages)).map((file) => /^(.+)-([^-]+)\.dist-info$/.exec(file)).filter(Boolean);
  return infos.find(([, found]) => normal(found) === normal(name))?.[2];
}

async function pin(results) {
  let text = await readFile(list, "utf8");
  for (const { name, line, version, wanted } of results)
    if (version !== undefined) text = text.replace(`${line}\n`, `${line.replace(wanted[0], `${name}==${version}`)}\n`);
  await writeFile(list, text);
}

function lastLine(text) {
  return text.trim().split("\n").at(-1) ?? "";
}

function said({ works, error }) {
  if (works) return "works";
  return error === undefined ? "gives a wrong answer" : `fails: ${error}`;
}

function document(results) {
  const rows = results.map((result) => `| ${result.name} | ${result.version ?? ""} | ${said(result)} |`);
  return `# Python packages in pywasm

Written by \`scripts/pywasm-packages.mjs\`, which installs popular packages of pure Python with pip, and imports and uses each once in pywasm; \`python.path\` of the manifest names their folder. Where a package has a compiled part beside one of Python, as PyYAML and attrs' kin have, that of Python is used. Packages that are compiled alone, as numpy and pydantic 2 are, belong to pyvm.

${results.filter(({ works }) => works).length} of ${results.length} work.

| package | version | |
| ------- | ------- | --- |
${rows.join("\n")}
`;
}

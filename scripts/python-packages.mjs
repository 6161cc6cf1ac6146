/**
 * Uses popular Python packages with compiled code in pyvm, and writes docs/python-packages.md from what came of it.
 *
 *     node scripts/python-packages.mjs [--python 3.13,3.14] [--only numpy,lxml] [--pip <command>] [--pin] [--fresh]
 *
 * Each package of packages/pyvm/test/packages/list.txt is installed with pip into a folder of its own, used once in either kind of
 * interpreter, each in a process of its own, and removed. A process that a signal ends makes this fail. What came of it is kept
 * in the cache folder, so that a run that was stopped goes on; --fresh begins anew. --pin writes the installed versions into the list.
 * --pip names another command for `python -m pip`, such as "uv pip". It takes about an hour, and a gigabyte for the largest package.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { root } from "./workspace.mjs";

const { values: options } = parseArgs({
  options: {
    python: { type: "string", default: "3.13,3.14" },
    only: { type: "string" },
    pip: { type: "string" },
    pin: { type: "boolean", default: false },
    fresh: { type: "boolean", default: false },
  },
});
const run = promisify(execFile);
const list = join(root, "packages/pyvm/test/packages/list.txt");
const child = join(root, "packages/pyvm/test/packages/child.mjs");
const page = join(root, "docs/python-packages.md");
const { EXTRUNTIME_CACHE, XDG_CACHE_HOME } = process.env;
const cache = EXTRUNTIME_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "extruntime");
const kept = join(cache, "python-packages.json");
const INTERPRETERS = ["isolated", "shared"];
/** Milliseconds for one package to be installed, and to be used. */
const INSTALL_LIMIT = 900_000;
const USE_LIMIT = 300_000;

const versions = options.python.split(",");
const packages = parse(await readFile(list, "utf8"));
const results = options.fresh || !existsSync(kept) ? {} : JSON.parse(await readFile(kept, "utf8"));
const only = options.only?.split(",");
for (const version of versions) {
  const { stdout } = await run("bash", [join(root, "scripts/get-python.sh"), "--version", version]);
  for (const each of packages.filter(({ name }) => only === undefined || only.includes(name))) {
    const key = `${version} ${each.name}`;
    if (results[key]?.use === each.use && only === undefined) continue;
    results[key] = { use: each.use, ...(await tryPackage(stdout.trim(), each)) };
    await mkdir(cache, { recursive: true });
    await writeFile(kept, JSON.stringify(results, undefined, 1));
    console.log(
      `${key} ${results[key].version ?? ""}: ${INTERPRETERS.map((mode) => `${mode} ${said(results[key], mode)}`).join("; ")}`,
    );
  }
}
if (options.pin) await pin();
await writeFile(page, document());
await run("npx", ["biome", "format", "--write", page], { cwd: root });
const ended = Object.entries(results).filter(([, result]) => INTERPRETERS.some((mode) => result[mode]?.signal));
for (const [key] of ended) console.log(`the process ended: ${key}`);
process.exitCode = ended.length > 0 ? 1 : 0;

function parse(text) {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [requirements, statements, ...expression] = line.split(" | ");
    const wanted = requirements.trim().split(/\s+/);
    return {
      name: nameOf(wanted[0]),
      wanted,
      use: [statements.trim(), expression.join(" | ").trim()].join("\n"),
      line,
    };
  });
}

function nameOf(requirement) {
  return requirement.replace(/[=<>!~[].*/, "");
}

/** As the folders of installed packages have it. */
function normal(name) {
  return name.toLowerCase().replace(/[-_.]+/g, "_");
}

async function tryPackage(python, { name, wanted, use }) {
  const folder = await mkdtemp(join(tmpdir(), "extruntime-package-"));
  try {
    const problem = await install(python, wanted, folder);
    if (problem !== undefined) return { problem };
    const installed = await versionsIn(folder);
    const result = {
      version: installed[normal(name)],
      installed: wanted.map((each) => `${nameOf(each)}==${installed[normal(nameOf(each))]}`),
    };
    for (const mode of INTERPRETERS) result[mode] = await tryUse(python, mode, folder, use);
    return result;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What is wrong, or `undefined`. */
async function install(python, wanted, folder) {
  const own = options.pip?.split(" ");
  const [command, ...before] = own ?? [python, "-m", "pip"];
  const which = own === undefined ? ["--root-user-action", "ignore"] : ["--python", python];
  const args = [...before, "install", "--quiet", ...which, "--only-binary", ":all:", "--target", folder, ...wanted];
  try {
    await run(command, args, { timeout: INSTALL_LIMIT, maxBuffer: 1 << 26 });
    return undefined;
  } catch (error) {
    return /No matching distribution|no wheels|no usable wheels|No solution|unsatisfiable/i.test(String(error.stderr))
      ? "no wheel"
      : `pip: ${lastLine(String(error.stderr))}`;
  }
}

async function versionsIn(folder) {
  const infos = (await readdir(folder)).map((file) => /^(.+)-([^-]+)\.dist-info$/.exec(file)).filter(Boolean);
  return Object.fromEntries(infos.map(([, name, version]) => [normal(name), version]));
}

async function tryUse(python, mode, folder, use) {
  const args = [child, mode, folder, ...use.split("\n")];
  const env = { ...process.env, PYVM_PYTHON: python, HOME: folder };
  try {
    const { stdout } = await run(process.execPath, args, {
      env,
      timeout: USE_LIMIT,
      killSignal: "SIGKILL",
      maxBuffer: 1 << 26,
    });
    return JSON.parse(lastLine(stdout));
  } catch (error) {
    if (error.killed) return { error: `it did not end within ${USE_LIMIT / 1000} s` };
    if (error.signal) return { signal: error.signal, error: lastLine(String(error.stderr)) };
    return { error: `the process ended with ${error.code}: ${lastLine(String(error.stderr))}` };
  }
}

function lastLine(text) {
  return text.trim().split("\n").at(-1) ?? "";
}

/** What the page says of a package in one kind of interpreter. */
function said(result, mode) {
  if (result.problem !== undefined) return result.problem;
  const { works, error, signal } = result[mode];
  if (signal) return `**ends the process (${signal})**`;
  if (works) return "works";
  if (works === false) return "wrong answer";
  const hint = error.includes('"interpreter": "shared"');
  const lines = error
    .replace(/^user\.use: /, "")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.includes('"interpreter": "shared"'));
  const telling =
    lines.find((line) => /not support loading in subinterpreters/.test(line)) ??
    lines.find((line) => /Error|Exception/.test(line)) ??
    lines[0] ??
    "";
  // Where the package was installed is chance.
  const text = telling.trim().replace(/\S*extruntime-package-\w+\//g, "");
  const module = /module (\S+) does not support loading in subinterpreters/.exec(text)?.[1];
  if (hint && module !== undefined) return `refused: \`${module}\``;
  return `${hint ? "refused" : "fails"}: ${text.length > 160 ? `${text.slice(0, 160)}…` : text}`;
}

async function pin() {
  const text = await readFile(list, "utf8");
  const pinned = packages.reduce((all, { name, wanted, line }) => {
    const installed = results[`${versions[0]} ${name}`]?.installed;
    if (installed === undefined || installed.some((each) => each.endsWith("undefined"))) return all;
    return all.replace(`${line}\n`, `${line.replace(wanted.join(" "), installed.join(" "))}\n`);
  }, text);
  await writeFile(list, pinned);
}

function document() {
  const tried = Object.keys(results).map((key) => key.split(" ")[0]);
  const pythons = [...new Set(tried)].sort();
  const rows = packages.map(({ name }) => ({ name, results: pythons.map((version) => results[`${version} ${name}`]) }));
  const counts = pythons.flatMap((version, i) =>
    INTERPRETERS.map((mode) => {
      const those = rows
        .map((row) => row.results[i])
        .filter((result) => result !== undefined && result.problem === undefined);
      return `| ${version} | ${mode} | ${those.filter((result) => result[mode].works).length} of ${those.length} | ${those.filter((result) => result[mode].signal).length} |`;
    }),
  );
  const cell = (text) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  const table = rows.map(({ name, results: each }) => {
    const version = each.find((result) => result?.version)?.version ?? "";
    const cells = INTERPRETERS.map((mode) => {
      const texts = each.map((result) => (result === undefined ? "not tried" : cell(said(result, mode))));
      return texts.every((text) => text === texts[0])
        ? texts[0]
        : texts.map((text, i) => `${pythons[i]}: ${text}`).join("<br>");
    });
    return `| ${name} | ${version} | ${cells.join(" | ")} |`;
  });
  return `# Python packages in pyvm

Written by \`scripts/python-packages.mjs\`, which installs popular packages with compiled code, and imports and uses each once, in a process of its own.

- **isolated**, the default, is an interpreter with a GIL of its own. Extension modules have to say that they support it, and most do not say so yet.
- **shared** is the main interpreter: \`"python": { "interpreter": "shared" }\` in extension.json. Where a package is \`refused\` in an isolated interpreter, the message names this setting; the page shows the extension module that it wanted, or what went wrong for the lack of it.

A package that works isolated may do so without its compiled part, as protobuf does. None may end the process.

| CPython | interpreter | works | ended the process |
| ------- | ----------- | ----- | ----------------- |
${counts.join("\n")}

| package | version | isolated | shared |
| ------- | ------- | -------- | ------ |
${table.join("\n")}
`;
}

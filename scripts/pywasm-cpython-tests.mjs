// Runs CPython's own tests in pywasm, and writes their table in docs/pywasm-python.md. What fails must have a reason that
// packages/pywasm/test/cpython knows. It takes some minutes.
//
//     node scripts/pywasm-cpython-tests.mjs [--prepare] [--if-present]
//
// With --prepare it only makes the tests available, in the cache folder, and prints their folder; with --if-present it only prints
// that folder where it is there.
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { hashOf, keep, kept } from "./pywasm/cache.mjs";
import { fetchPython, PYTHON_VERSION } from "./pywasm/fetch-sources.mjs";
import { root, StepFailed, script, step } from "./workspace.mjs";

const flag = { type: "boolean", default: false };
const { values } = parseArgs({ options: { prepare: flag, "if-present": flag } });
const folder = join(root, "packages/pywasm/test/cpython");
const page = join(root, "docs/pywasm-python.md");
const [BEGIN, END] = ["<!-- tests: begin -->", "<!-- tests: end -->"];

/** Modules of the standard library that pywasm leaves out and tests import. */
const LEFT_OUT = ["pydoc.py", "_pyrepl"];
/** What the tests share, and data of theirs. Of test modules themselves those of modules.json are kept. */
const LEFT = /^(test_\w+|crashers|certdata|leakers|libregrtest|archivetestdata|wheeldata|.*_bundle.*)(\.py)?$/;

await script(async () => {
  const modules = JSON.parse(readFileSync(join(folder, "modules.json"), "utf8"));
  const name = `pywasm-tests-${PYTHON_VERSION}-${hashOf(modules.runs, [fileURLToPath(import.meta.url)])}`;
  const tests = values["if-present"] ? kept(name) : await keep(name, (work, made) => prepare(work, made, modules.runs));
  if (values.prepare || values["if-present"]) {
    if (tests !== undefined) console.log(tests);
    return;
  }
  await runAll(tests);
});

async function prepare(work, made, modules) {
  await fetchPython(work);
  const library = join(work, "python/Lib");
  for (const file of LEFT_OUT) cpSync(join(library, file), join(made, file), { recursive: true });
  mkdirSync(join(made, "test"));
  const wanted = new Set(modules.map((module) => module.split(".")[0]));
  for (const file of readdirSync(join(library, "test"))) {
    if (LEFT.test(file) && !wanted.has(file.replace(/\.py$/, ""))) continue;
    cpSync(join(library, "test", file), join(made, "test", file), { recursive: true });
  }
}

async function runAll(tests) {
  const { pywasm } = await import("../packages/pywasm/dist/index.js");
  const { doNotRun, loadTests, runModule, runs } = await import("../packages/pywasm/test/cpython/run.mjs");
  const loaded = await loadTests(pywasm, tests);
  const results = [];
  for (const name of runs) {
    const result = await runModule(loaded, name);
    results.push(result);
    console.log(`${name}: ${result.run} run, ${result.failed} failed`);
    for (const line of result.unexplained) console.log(`  ${line}`);
  }
  await loaded.close();
  const text = readFileSync(page, "utf8");
  const [before, after] = [text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)];
  writeFileSync(page, `${text.slice(0, before)}\n\n${tables(results, doNotRun)}\n${text.slice(after)}`);
  await step("Formatting the page", "npx", ["biome", "format", "--write", page]);
  const bad = results.filter(({ run, unexplained }) => run === 0 || unexplained.length > 0).map(({ name }) => name);
  if (bad.length > 0) throw new StepFailed(`tests fail without a reason that is known: ${bad.join(", ")}`);
}

function tables(results, doNotRun) {
  const sum = (of) => results.reduce((total, result) => total + of(result), 0);
  const clean = results.filter(({ failed }) => failed === 0).length;
  const rows = results.map(({ name, run, skipped, failed, reasons }) => {
    const why = Object.entries(reasons).map(([reason, count]) => `${count}: ${reason}`);
    return `| ${name} | ${run} | ${skipped} | ${failed} | ${why.join("; ")} |`;
  });
  const others = Object.entries(doNotRun).map(([name, reason]) => `| ${name} | ${reason.replaceAll("|", "\\|")} |`);
  return `${results.length} modules with ${sum(({ run }) => run)} tests run; in ${clean} of them none fails, and in the others ${sum(({ failed }) => failed)} tests fail for the reason beside them. What a test cannot have, such as threads, it finds out by itself, and counts as skipped.

| module | tests | skipped | failed | why |
| ------ | ----- | ------- | ------ | --- |
${rows.join("\n")}

These do not run:

| module | why |
| ------ | --- |
${others.join("\n")}
`;
}

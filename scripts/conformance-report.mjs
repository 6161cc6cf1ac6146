// Runs the conformance kit on every engine of the repository that is built, at each placement that it can be had at, and writes
// the table of promises to docs/conformance-results.md. Ends with 1 where a promise is broken.
//
//     node scripts/conformance-report.mjs [--only quickjs,wasm] [--check]
//
// --only runs some engines and leaves the rows of the others as they are. --check writes nothing, and ends with 1 where the table would change.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { fixture, isBuilt, validateVariants } from "../fixtures/index.js";
import { StepFailed, say, script } from "./workspace.mjs";

const at = (path) => new URL(`../${path}`, import.meta.url);
const PAGE = at("docs/conformance-results.md");
const PLACEMENTS = ["inline", "thread", "process"];
const PROMISES = [
  "contract",
  "languages",
  "hardSandbox",
  "deadline",
  "signal",
  "memoryLimit",
  "crashIsolation",
  "parallel",
  "sync",
  "hostFunctions",
  "freshCalls",
  "nativeAddon",
];
const ENGINES = [
  { name: "native", engine: "packages/extruntime/dist/index.js", export: "native" },
  { name: "quickjs", engine: "packages/quickjs/dist/index.js" },
  { name: "wasm", engine: "packages/wasm/dist/index.js" },
  { name: "v8", engine: "packages/v8/dist/index.js" },
  { name: "pyvm", engine: "packages/pyvm/dist/index.js", options: sharedPython },
  { name: "pywasm", engine: "packages/pywasm/dist/index.js" },
];

/** The CPython that the tests use, where there is one. */
function sharedPython() {
  const [python] = execFileSync("bash", ["scripts/get-python.sh", "--if-present"], {
    cwd: at("."),
    encoding: "utf8",
  }).split("\n");
  return python === "" ? {} : { python };
}

const { values } = parseArgs({ options: { only: { type: "string" }, check: { type: "boolean", default: false } } });

await script(async () => {
  const { runConformance } = await import(at("packages/conformance/dist/index.js"));
  const wanted = values.only?.split(",");
  const reports = [];
  let rows = await lastRows();
  for (const engine of ENGINES) {
    if (wanted !== undefined && !wanted.includes(engine.name)) continue;
    rows = rows.filter(([name]) => !name.startsWith(`${engine.name}, `));
    if (!existsSync(at(engine.engine))) continue;
    for (const placement of PLACEMENTS) {
      const report = await run(runConformance, engine, placement);
      if (report === undefined) continue;
      reports.push(report);
      rows.push(row(report));
    }
    // After each, so that an interrupted run keeps what it has.
    if (!values.check) await publish(rows);
  }
  if (values.check) await publish(rows);
  if (reports.some((report) => !report.passed)) throw new StepFailed("a promise is broken");
});

/** `undefined` where the engine cannot run at the placement, which it says when it is made. */
async function run(runConformance, { name, engine, export: factory, options = () => ({}) }, placement) {
  const validate = validateVariants.filter((variant) => variant.runtime === name && isBuilt(variant.name));
  const guests = at(`fixtures/guests/${name}/`);
  if (!existsSync(guests)) throw new StepFailed(`there is no folder of guests for ${name}`);
  const setup = {
    engine: at(engine),
    export: factory,
    options: { ...options(), placement },
    guests,
    validate: validate.map((variant) => fixture(variant.name)),
  };
  try {
    const report = await runConformance(setup);
    if (report.promises.some(({ promise }, i) => promise !== PROMISES[i]))
      throw new StepFailed("the kit has other promises than this table");
    for (const test of report.tests.filter((each) => each.failure !== undefined))
      say(`  broken: ${test.group} > ${test.name}\n          ${test.failure}`);
    const failed = report.tests.filter((test) => test.failure !== undefined).length;
    say(`${name}, placed ${placement}: ${report.tests.length - failed} of ${report.tests.length} tests passed`);
    return report;
  } catch (error) {
    // Only this: an engine that cannot be imported, or whose tests cannot start, is a failure of the report.
    if (placement === "inline" || !/cannot run with placement|runs inline only/.test(String(error.message)))
      throw error;
    say(`${name} cannot be placed ${placement}: ${error.message}`);
    return undefined;
  }
}

/** Rows of the table as it is. */
async function lastRows() {
  const page = await readFile(PAGE, "utf8").catch(() => "");
  return page
    .split("\n")
    .filter((line) => /^\| [a-z0-9]+, (inline|thread|process) /.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
}

/** The place of `engine, placement`. */
function order(name) {
  const [engine, placement] = name.split(", ");
  return ENGINES.findIndex((each) => each.name === engine) * PLACEMENTS.length + PLACEMENTS.indexOf(placement);
}

async function publish(rows) {
  const page = pageOf(rows.sort(([a], [b]) => order(a) - order(b)));
  if (!values.check) return writeFile(PAGE, page);
  if ((await readFile(PAGE, "utf8").catch(() => "")) !== page)
    throw new StepFailed(
      "docs/conformance-results.md is not what the engines show; run node scripts/conformance-report.mjs",
    );
}

function row({ runtime, placement, unavailable, promises }) {
  const cells =
    unavailable === undefined ? promises.map(cell) : PROMISES.map(() => "cannot run where this was written");
  return [`${runtime}, ${placement}`, ...cells];
}

function pageOf(rows) {
  const head = ["engine, placement", ...PROMISES];
  const lines = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return `# What the engines promise, and what was proved

Written by \`node scripts/conformance-report.mjs\` from runs of the [conformance kit](conformance.md). In brackets: the number of tests that tried to
break the promise, and did not. A dash is a promise that the engine does not make.

${lines.join("\n")}
`;
}

function cell({ promise, declared, passed, failed }) {
  if (failed > 0) return `**broken** (${failed} of ${passed + failed})`;
  const count = passed > 0 ? ` (${passed})` : "";
  if (promise === "contract") return `kept${count}`;
  if (Array.isArray(declared)) return `${declared.join(", ")}${count}`;
  if (declared === false) return promise === "nativeAddon" ? `no${count}` : "–";
  return `${declared === true ? "yes" : declared}${count}`;
}

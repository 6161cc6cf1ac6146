// The second command of the README: installs what is missing, builds, and runs all tests.
// Its last line is `N passed, N failed`, with `, N skipped` where there are any. In CI a skipped test is a failure.
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installAndBuild, pnpm, root, StepFailed, say, script, step } from "./workspace.mjs";

const ci = Boolean(process.env.CI);

/** CPythons beside 3.13, on which pyvm's tests run once more: see vitest.config.ts. */
const OTHER_PYTHONS = [
  { name: "CPython 3.13 without the GIL", options: ["--free-threaded", "--numpy"] },
  { name: "CPython 3.14", options: ["--version", "3.14", "--numpy"] },
  { name: "CPython 3.11, shared mode", options: ["--version", "3.11", "--numpy"] },
];

await script(async () => {
  await installAndBuild();
  await step("Looking for the compilers of the WebAssembly guests", "node", ["scripts/toolchains.mjs"], { show: true });
  await step("Compiling the WebAssembly guests", "node", ["scripts/guests.mjs", ...(ci ? ["--required"] : [])], {
    show: true,
  });
  await optional(() =>
    step("Making CPython 3.13 with numpy available (minutes, the first time)", "bash", [
      "scripts/get-python.sh",
      "--numpy",
    ]),
  );
  for (const { name, options } of ci ? OTHER_PYTHONS : [])
    await step(`Making ${name} available, with numpy`, "bash", ["scripts/get-python.sh", ...options]);
  await optional(() =>
    step("Making CPython's own tests available", "node", ["scripts/pywasm-cpython-tests.mjs", "--prepare"]),
  );
  await step("Looking for a Chromium", "node", ["scripts/chromium.mjs", ...(ci ? ["--required"] : [])], { show: true });
  await step("Looking for bubblewrap", "node", ["scripts/bubblewrap.mjs"], { show: true });
  await step("Looking for isolated-vm", "node", ["scripts/get-isolated-vm.mjs", ...(ci ? ["--required"] : [])], {
    show: true,
  });
  const filters = process.argv.slice(2);
  const runs = await Promise.all([
    runTests(filters, filters.length === 0 ? otherPythons() : {}),
    ...(ci ? [memoryCheck()] : []),
  ]);
  const [passed, failed, skipped] = ["passed", "failed", "skipped"].map((outcome) =>
    runs.reduce((sum, run) => sum + run[outcome], 0),
  );
  // Said once more, since the tests themselves print thousands of lines.
  for (const test of runs.flatMap((run) => run.unsteady ?? []))
    console.log(`\nUNSTEADY, passed the second time  ${test}`);
  for (const failure of runs.flatMap((run) => run.failures)) console.log(`\nFAILED  ${failure}`);
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  if (failed > 0 || passed === 0 || (ci && skipped > 0)) process.exitCode = 1;
});

/** A step that may fail outside of CI: the tests that want it are skipped then. */
async function optional(run) {
  try {
    await run();
  } catch (error) {
    if (ci) throw error;
    say(`${error.message}; the tests that want it are skipped`);
  }
}

/** Paths of the executables of those that are there, by name. */
function otherPythons() {
  const pythons = {};
  for (const { name, options } of OTHER_PYTHONS) {
    const [python] = execFileSync("bash", ["scripts/get-python.sh", "--if-present", ...options], {
      cwd: root,
      encoding: "utf8",
    }).split("\n");
    if (python !== "") pythons[name] = python;
    else say(`${name} is not here: pyvm's tests are not run on it (scripts/get-python.sh ${options.join(" ")})`);
  }
  return pythons;
}

/** Half a minute of pyvm under AddressSanitizer, which counts as a test. */
async function memoryCheck() {
  const script = "packages/pyvm/scripts/memory-check.sh";
  const failure = await step("Running pyvm under AddressSanitizer", "bash", [script]).then(
    () => undefined,
    (error) => error,
  );
  return failure === undefined
    ? { passed: 1, failed: 0, skipped: 0, failures: [] }
    : { passed: 0, failed: 1, skipped: 0, failures: [failure.message] };
}

async function runTests(filters, pythons) {
  const folder = await mkdtemp(join(tmpdir(), "extruntime-results-"));
  const file = join(folder, "results.json");
  const args = ["exec", "vitest", "run", "--reporter=default", "--reporter=./scripts/test-results.mjs", ...filters];
  const env = { EXTRUNTIME_TEST_RESULTS: file, EXTRUNTIME_PYTHONS: JSON.stringify(pythons) };
  try {
    const ended = await pnpm("Running the tests", args, { show: true, env }).catch((error) => error);
    const results = JSON.parse(await readFile(file, "utf8").catch(() => "null"));
    if (results === null) throw ended instanceof Error ? ended : new StepFailed("the tests left no results");
    if (ended instanceof Error && results.failed === 0) {
      results.failed = 1;
      results.failures.push(ended.message);
    }
    return results;
  } finally {
    await rm(folder, { recursive: true });
  }
}

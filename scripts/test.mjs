// The second command of the README: installs what is missing, builds, and runs all tests.
// Its last line is `N passed, N failed`, with `, N skipped` where there are any. In CI a skipped test is a failure.
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installAndBuild, pnpm, root, StepFailed, say, script, step } from "./workspace.mjs";

const ci = Boolean(process.env.CI);

/** A process has one CPython, so what pyvm promises of the others is tested in runs of their own: all but what takes minutes. */
const OTHER_PYTHONS = [
  { name: "CPython 3.13 without the GIL", options: ["--free-threaded", "--numpy"] },
  { name: "CPython 3.14", options: ["--version", "3.14", "--numpy"] },
  { name: "CPython 3.11, shared mode", options: ["--version", "3.11", "--numpy"] },
];
const ESSENTIAL = [
  "packages/pyvm/test",
  ...["conformance", "endurance"].flatMap((name) => ["--exclude", `**/${name}.test.ts`]),
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
  await step("Looking for a Chromium", "node", ["scripts/chromium.mjs", ...(ci ? ["--required"] : [])], { show: true });
  await step("Looking for bubblewrap", "node", ["scripts/bubblewrap.mjs"], { show: true });
  await step("Looking for isolated-vm", "node", ["scripts/get-isolated-vm.mjs", ...(ci ? ["--required"] : [])], {
    show: true,
  });
  const filters = process.argv.slice(2);
  const runs = [await runTests("Running the tests; those of pyvm on CPython 3.13", filters)];
  for (const { name, options } of filters.length === 0 ? OTHER_PYTHONS : []) {
    const python = preparedPython(options);
    if (python !== undefined)
      runs.push(await runTests(`Running pyvm's tests on ${name}`, ESSENTIAL, { PYVM_PYTHON: python }));
    else say(`${name} is not here: pyvm's tests are not run on it (scripts/get-python.sh ${options.join(" ")})`);
  }
  if (ci) runs.push(await memoryCheck());
  const [passed, failed, skipped] = ["passed", "failed", "skipped"].map((outcome) =>
    runs.reduce((sum, run) => sum + run[outcome], 0),
  );
  // Said once more, since the tests themselves print thousands of lines.
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

/** Path of the executable, where the script has it ready. */
function preparedPython(options) {
  const printed = execFileSync("bash", ["scripts/get-python.sh", "--if-present", ...options], {
    cwd: root,
    encoding: "utf8",
  });
  return printed.split("\n")[0] || undefined;
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

async function runTests(title, filters, env = {}) {
  const folder = await mkdtemp(join(tmpdir(), "extruntime-results-"));
  const file = join(folder, "results.json");
  const args = ["exec", "vitest", "run", "--reporter=default", "--reporter=./scripts/test-results.mjs", ...filters];
  try {
    const ended = await pnpm(title, args, { show: true, env: { ...env, EXTRUNTIME_TEST_RESULTS: file } }).catch(
      (error) => error,
    );
    const results = JSON.parse(await readFile(file, "utf8").catch(() => "null"));
    if (results === null) throw ended instanceof Error ? ended : new StepFailed("the tests left no results");
    if (ended instanceof Error && results.failed === 0) {
      results.failed = 1;
      results.failures.push(ended.message);
    }
    return { ...results, failures: results.failures.map((failure) => `${title}: ${failure}`) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

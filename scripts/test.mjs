// The second command of the README: installs what is missing, builds, and runs all tests.
// Its last line is `N passed, N failed`, with `, N skipped` where there are any. In CI a skipped test is a failure.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installAndBuild, pnpm, StepFailed, say, script, step } from "./workspace.mjs";

const ci = Boolean(process.env.CI);

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
  if (ci) await step("The same without the GIL", "bash", ["scripts/get-python.sh", "--free-threaded", "--numpy"]);
  await step("Looking for a Chromium", "node", ["scripts/chromium.mjs", ...(ci ? ["--required"] : [])], { show: true });
  const { passed, failed, skipped } = await runTests();
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

async function runTests() {
  const folder = await mkdtemp(join(tmpdir(), "extruntime-results-"));
  const file = join(folder, "results.json");
  const args = [
    "exec",
    "vitest",
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${file}`,
    ...process.argv.slice(2),
  ];
  try {
    const ended = await pnpm("Running the tests", args, { show: true }).catch((error) => error);
    const results = JSON.parse(await readFile(file, "utf8").catch(() => "null"));
    if (results === null) throw ended instanceof Error ? ended : new StepFailed("the tests left no results");
    const counts = {
      passed: results.numPassedTests,
      failed: results.numFailedTests,
      skipped: results.numPendingTests + results.numTodoTests,
    };
    // A suite that could not start, or an error outside any test, has no failed test of its own.
    if (ended instanceof Error && counts.failed === 0) counts.failed = Math.max(1, results.numFailedTestSuites);
    if (ended instanceof Error) say(ended.message);
    return counts;
  } finally {
    await rm(folder, { recursive: true });
  }
}

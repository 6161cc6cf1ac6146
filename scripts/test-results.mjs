// A reporter of vitest that leaves what scripts/test.mjs counts, and what it says again at the very end: each failure, in a few lines.
// EXTRUNTIME_TEST_RESULTS names the file: { passed, failed, skipped, failures: string[], unsteady: string[] }; unsteady are those that passed when they were run again.
import { writeFileSync } from "node:fs";

const LINES_OF_A_FAILURE = 12;

export default class TestResults {
  onTestRunEnd(files, unhandledErrors) {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const failures = [];
    const unsteady = [];
    const fail = (where, errors) => {
      counts.failed++;
      failures.push([where, ...errors.map(told)].join("\n"));
    };
    for (const file of files) {
      const named = file.project.name === "" ? "" : `${file.project.name}: `;
      for (const suite of [file, ...file.children.allSuites()])
        if (suite.errors().length > 0) fail(named + (suite.fullName ?? suite.relativeModuleId), suite.errors());
      for (const test of file.children.allTests()) {
        const { state, errors } = test.result();
        const where = `${named}${file.relativeModuleId} > ${test.fullName}`;
        if (test.diagnostic()?.flaky) unsteady.push([where, ...(errors ?? []).map(told)].join("\n"));
        if (state === "failed") fail(where, errors ?? []);
        else counts[state === "passed" ? "passed" : "skipped"]++;
      }
    }
    for (const error of unhandledErrors) fail("outside of any test", [error]);
    // biome-ignore lint/suspicious/noUndeclaredEnvVars: says where to; turbo runs and caches none of this.
    writeFileSync(process.env.EXTRUNTIME_TEST_RESULTS, JSON.stringify({ ...counts, failures, unsteady }));
  }
}

function told(error) {
  const { message, stacks, stack } = error;
  const at = stacks?.[0] ? `at ${stacks[0].file}:${stacks[0].line}` : (stack ?? "");
  return `${message}\n${at}`.split("\n").slice(0, LINES_OF_A_FAILURE).join("\n");
}

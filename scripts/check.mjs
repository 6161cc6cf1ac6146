// Everything that CI checks before the tests: installs, builds, lints, type-checks, and looks at the packages as users get them.
import { spawnSync } from "node:child_process";
import { installAndBuild, pnpm, StepFailed, say, script, step, together } from "./workspace.mjs";

/** The checker of GitHub's workflows, which is a Go module. */
const ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12";

await script(async () => {
  await installAndBuild();
  // None of these waits for another.
  await together([
    pnpm("Linting and checking the format", ["exec", "biome", "check", "--error-on-warnings", "."]),
    pnpm("Checking the format of C and C++", ["-r", "run", "lint"]),
    pnpm("Checking the types of tests and benchmarks", ["exec", "tsc", "-p", "tsconfig.test.json"]),
    checkWorkflows(),
    checkPackages(),
  ]);
});

async function checkPackages() {
  await step("Looking for isolated-vm", "node", ["scripts/get-isolated-vm.mjs", "--required"], { show: true });
  await step("Checking the packages", "node", ["scripts/check-packages.mjs"], { show: true });
}

async function checkWorkflows() {
  if (spawnSync("go", ["version"]).status === 0) await step("Checking the workflows", "go", ["run", ACTIONLINT]);
  else if (process.env.CI) throw new StepFailed("Go is not installed, which the check of the workflows wants");
  else say("Go is not installed, so the workflows are not checked");
}

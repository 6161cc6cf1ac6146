// Everything that CI checks before the tests: installs, builds, lints, type-checks, and looks at the packages as users get them.
import { installAndBuild, pnpm, script, step } from "./workspace.mjs";

await script(async () => {
  await installAndBuild();
  await pnpm("Linting and checking the format", ["exec", "biome", "check", "--error-on-warnings", "."]);
  await pnpm("Checking the format of C and C++", ["-r", "run", "lint"]);
  await pnpm("Checking the types of tests and benchmarks", ["exec", "tsc", "-p", "tsconfig.test.json"]);
  await step("Looking for isolated-vm", "node", ["scripts/get-isolated-vm.mjs", "--required"], { show: true });
  await step("Checking the packages", "node", ["scripts/check-packages.mjs"], { show: true });
});

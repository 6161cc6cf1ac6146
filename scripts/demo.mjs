// The first command of the README: installs, builds, and shows the same extension in every engine.
import { installAndBuild, script, step } from "./workspace.mjs";

/** The CPython that npm test builds, where it has: to build it here would take longer than a demonstration may. */
async function preparedPython() {
  const { PYVM_PYTHON: named } = process.env;
  if (named) return {};
  const printed = await step("Looking for a CPython 3.13", "bash", ["scripts/get-python.sh", "--if-present"]);
  const executable = printed.split("\n").find((line) => line.startsWith("/"));
  return executable === undefined ? {} : { PYVM_PYTHON: executable };
}

await script(async () => {
  await installAndBuild(["--filter=./packages/*"]);
  // It is compiled by npm test: that takes longer than a demonstration may.
  await step("Looking for isolated-vm", "node", ["scripts/get-isolated-vm.mjs", "--if-present"], { show: true });
  await step("Compiling the WebAssembly guest (AssemblyScript)", "node", [
    "scripts/guests.mjs",
    "--only",
    "assemblyscript",
    "--under",
    "validate-email",
  ]);
  await step("Running examples/side-by-side", "node", ["examples/side-by-side/main.mjs"], {
    show: true,
    env: await preparedPython(),
  });
});

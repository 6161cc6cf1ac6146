// The first command of the README: installs, builds, and shows the same extension in every engine.
import { installAndBuild, script, step } from "./workspace.mjs";

await script(async () => {
  await installAndBuild(["--filter=./packages/*"]);
  await step("Compiling the WebAssembly guest (AssemblyScript)", "node", [
    "scripts/guests.mjs",
    "--only",
    "assemblyscript",
    "--under",
    "validate-email",
  ]);
  await step("Running examples/side-by-side", "node", ["examples/side-by-side/main.mjs"], { show: true });
});

// `pnpm bench`: builds what is not up to date, then measures. `node benchmarks/run.mjs --help` says how.
import { installAndBuild, script, step } from "../scripts/workspace.mjs";

const args = process.argv.slice(2);

await script(async () => {
  // Documents and comparisons need no engine, and a run that is repeated no second build.
  if (args[0] !== "report" && !args.includes("--no-build")) {
    await installAndBuild();
    await step("Compiling the guests of WebAssembly", "node", ["scripts/guests.mjs"]);
    await step("Compiling the guests of the benchmark", "node", ["benchmarks/guests/build.mjs"]);
  }
  const { main } = await import("./dist/main.js");
  await main(args.filter((arg) => arg !== "--no-build"));
});

#!/usr/bin/env node
// From a clone to staged packages on a machine that has Node and a compiler: what a workflow runs for each platform.
import { installAndBuild, script, step } from "../workspace.mjs";

await script(async () => {
  await installAndBuild(["--filter=./packages/*"]);
  await step("Staging the packages", "node", ["scripts/release/stage.mjs"], { show: true });
});

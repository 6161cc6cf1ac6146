// `npm test` in a package's folder: builds it and what it needs, and runs its own tests but the files that take minutes, which the root's `npm test` runs.
//
//     npm test [-- <filters and options of vitest>]     npm test -- --all
import { relative } from "node:path";
import { LONG } from "./test-order.mjs";
import { installAndBuild, pnpm, root, script } from "./workspace.mjs";

const folder = relative(root, process.cwd());
const given = process.argv.slice(2);
const all = given.includes("--all");
const filters = given.filter((each) => each !== "--all");

await script(async () => {
  await installAndBuild([`--filter=./${folder}`]);
  const named = filters.some((each) => !each.startsWith("-"));
  const excluded = all || named ? [] : LONG.flatMap((glob) => ["--exclude", glob]);
  const args = ["exec", "vitest", "run", `--dir=${folder}`, ...excluded, ...filters];
  await pnpm(`Running the tests of ${folder}${all || named ? "" : ", but those that take minutes"}`, args, {
    show: true,
  });
});

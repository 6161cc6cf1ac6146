// `pnpm bench:compare A.json B.json`: which ratios moved beyond the noise.
import { script } from "../scripts/workspace.mjs";

await script(async () => {
  const { main } = await import("./dist/compare-main.js");
  await main(process.argv.slice(2));
});

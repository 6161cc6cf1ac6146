import { compare, printComparison } from "./compare.ts";
import { readResult } from "./main.ts";

/** Ends with 1 where a ratio became worse beyond the noise, so that CI can ask. */
export async function main(args: readonly string[]): Promise<void> {
  const [before, after] = args;
  if (before === undefined || after === undefined) throw new TypeError("pnpm bench:compare A.json B.json");
  const comparison = compare(await readResult(before), await readResult(after));
  process.stdout.write(printComparison(comparison));
  if (comparison.moved.some(({ worse }) => worse)) process.exitCode = 1;
}

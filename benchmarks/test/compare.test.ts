import { expect, test } from "vitest";
import { compare, printComparison } from "../src/compare.ts";
import { cell, makeResult } from "./result.ts";

function run(rounds: (number | null)[], metric = "syncX:bare-js") {
  return makeResult([cell("serial", "native", "", { sync: [1000, 1, 50], [metric]: rounds })]);
}

test("a ratio that is worse in every round has moved", () => {
  const { moved, compared } = compare(run([1.1, 1.12, 1.09]), run([1.31, 1.3, 1.35]));
  expect(compared).toBe(1);
  expect(moved).toHaveLength(1);
  expect(moved[0]).toMatchObject({ what: "serial native syncX:bare-js", worse: true });
  expect(moved[0]!.change).toBeCloseTo(1.31 / 1.1);
});

test("a ratio whose rounds reach into the other run's is noise, however far its median went", () => {
  expect(compare(run([1.1, 1.12, 2.0]), run([1.9, 2.1, 2.2])).moved).toEqual([]);
});

test("a difference of less than five per cent is of no interest", () => {
  expect(compare(run([1.1, 1.101, 1.102]), run([1.13, 1.131, 1.132])).moved).toEqual([]);
});

test("times are not compared: they belong to a machine", () => {
  const other = makeResult([cell("serial", "native", "", { sync: [9, 9, 9], "syncX:bare-js": [1.1, 1.1, 1.1] })]);
  expect(compare(run([1.1, 1.1, 1.1]), other)).toEqual({ moved: [], compared: 1, tooFew: 0 });
});

test("of a rate more is better", () => {
  const { moved } = compare(run([2, 2.1, 2], "rateX:node-pipe"), run([3, 3.1, 3], "rateX:node-pipe"));
  expect(moved[0]).toMatchObject({ worse: false });
});

test("too few rounds are said to be so", () => {
  const comparison = compare(run([1, null, null]), run([9, 9, 9]));
  expect(comparison).toMatchObject({ moved: [], tooFew: 1 });
  expect(printComparison(comparison)).toContain("1 have fewer than 3 rounds");
});

test("what is printed names the ratio, both medians with their spread, and the change", () => {
  const text = printComparison(compare(run([1, 1, 1]), run([1.5, 1.4, 1.6])));
  expect(text).toContain("worse   serial native syncX:bare-js: 1.00 [1.00–1.00] → 1.50 [1.40–1.60]  (+50.0 %)");
  expect(text).toContain("1 of 1 ratios moved beyond the noise");
});

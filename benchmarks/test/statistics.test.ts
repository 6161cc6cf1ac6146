import { expect, test } from "vitest";
import { median, quantile, ratios, shuffled, summarize } from "../src/statistics.ts";

test("the median of an even list lies between its middle values", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([3, 1, 2])).toBe(2);
});

test("numbers are ordered as numbers", () => {
  expect(median([100, 9, 20])).toBe(20);
});

test("quantiles are linear between neighbours", () => {
  expect(quantile([0, 10, 20, 30, 40], 0.25)).toBe(10);
  expect(quantile([0, 10], 0.99)).toBeCloseTo(9.9);
});

test("rounds that failed are left out of a summary", () => {
  expect(summarize([null, 3, 1, null, 2])).toEqual({ count: 3, median: 2, q1: 1.5, q3: 2.5, min: 1, max: 3 });
  expect(summarize([null, null])).toBeUndefined();
});

test("there is no median of nothing", () => {
  expect(() => median([null])).toThrow(TypeError);
});

test("a ratio is taken within its round, so that a slow round falls out", () => {
  expect(ratios([10, 1000, 12], [5, 500, 6])).toEqual([2, 2, 2]);
});

test("a round in which either failed has no ratio", () => {
  expect(ratios([10, null, 12, 1], [5, 500, null])).toEqual([2, null, null, null]);
});

test("shuffling keeps every item and does not touch the list", () => {
  const list = [1, 2, 3, 4, 5];
  expect(shuffled(list).sort()).toEqual(list);
  expect(shuffled(list, () => 0)).toEqual([2, 3, 4, 5, 1]);
  expect(list).toEqual([1, 2, 3, 4, 5]);
});

import { expect, test } from "vitest";
import { judge, LINES } from "../src/lines.ts";
import { TRIALS } from "../src/trials/index.ts";
import { cell, engine, makeResult, NATIVE } from "./result.ts";

function verdict(id: string, ...cells: Parameters<typeof makeResult>[0]) {
  const result = makeResult(cells, { subjects: [NATIVE, { ...engine("native@thread"), placement: "thread" }] });
  return judge(result).find(({ line }) => line.id === id)!;
}

test("a time is judged by the median of its rounds", () => {
  expect(verdict("native-bare", cell("serial", "native", "", { "syncX:bare-js": [1.1, 1.14, 1.9] })).verdict).toBe(
    "met",
  );
  expect(verdict("native-bare", cell("serial", "native", "", { "syncX:bare-js": [1.1, 1.2, 1.3] })).verdict).toBe(
    "not met",
  );
});

test("of a rate more is better", () => {
  expect(verdict("pyvm-pipe", cell("concurrent", "pyvm", "64", { "rateX:python-pipe": [4, 5, 6] })).verdict).toBe(
    "met",
  );
  expect(verdict("pyvm-pipe", cell("concurrent", "pyvm", "64", { "rateX:python-pipe": [4, 4.9, 6] })).verdict).toBe(
    "not met",
  );
});

test("what was not measured is neither", () => {
  expect(verdict("v8-by-hand").verdict).toBe("not measured");
  expect(verdict("v8-by-hand", cell("serial", "v8", "", { "syncX:isolated-vm": [null, null] })).verdict).toBe(
    "not measured",
  );
});

test("quickjs is held against the better of the two ways by hand", () => {
  const metrics = { "syncX:quickjs-dispatcher": [0.9, 0.9, 0.9], "syncX:quickjs-ffi": [1.2, 1.2, 1.2] };
  expect(verdict("quickjs-by-hand", cell("serial", "quickjs", "", metrics))).toMatchObject({
    verdict: "not met",
    rounds: [1.2, 1.2, 1.2],
  });
});

test("a thread is held against both round trips by hand, each in its own way of calling", () => {
  const metrics = { "syncX:thread-atomics": [1.2, 1.2, 1.2], "asyncX:thread-message": [1.4, 1.4, 1.4] };
  const measured = cell("serial", "native@thread", "", metrics);
  expect(verdict("thread-sync", measured)).toMatchObject({ verdict: "met", rounds: [1.2, 1.2, 1.2] });
  expect(verdict("thread-async", measured)).toMatchObject({ verdict: "not met", rounds: [1.4, 1.4, 1.4] });
});

test("the event loop's delay is that of the worst placement, and inline does not count", () => {
  const { rounds } = verdict(
    "loop-delay",
    cell("neighbour", "native", "", { loopP99: [9e9, 9e9, 9e9] }),
    cell("neighbour", "native@thread", "", { loopP99: [1e6, 2e6, 3e6] }),
  );
  expect(rounds).toEqual([1e6, 2e6, 3e6]);
});

test("every promise is about a trial and a size that are measured", () => {
  const sizes = new Map(TRIALS.map(({ info, sizes }) => [info.id, sizes]));
  for (const { job } of LINES) expect(sizes.get(job.trial)).toContain(job.size);
});

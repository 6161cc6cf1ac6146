import { expect, test } from "vitest";
import type { JobReply } from "../src/job.ts";
import type { Block } from "../src/plan.ts";
import { runRounds } from "../src/rounds.ts";
import type { SubjectSpec } from "../src/subjects/subject.ts";
import { TRIALS } from "../src/trials/index.ts";
import type { Trial } from "../src/trials/trial.ts";
import { BARE, NATIVE } from "./result.ts";

const trial: Trial = TRIALS[0]!;
const subjects = [NATIVE, BARE] as SubjectSpec[];
const block: Block = { trial, size: "", subjects };
const forever = { rounds: 3, budgetMs: Number.POSITIVE_INFINITY };

test("every round has every job, and a cell keeps the rounds side by side", async () => {
  let count = 0;
  const { cells, failures } = await runRounds([block], forever, async () => ({ readings: { sync: ++count } }));
  expect(count).toBe(6);
  expect(failures).toEqual([]);
  expect(cells.map(({ subject }) => subject).sort()).toEqual(["bare-js", "native"]);
  for (const { metrics } of cells) expect(metrics.sync).toHaveLength(3);
});

test("a round that fails leaves a gap and a reason, and the others stand", async () => {
  let calls = 0;
  const run = async (): Promise<JobReply> => (++calls === 2 ? { error: "it fell over" } : { readings: { sync: 7 } });
  const { cells, failures } = await runRounds([{ ...block, subjects: [subjects[0]!] }], forever, run);
  expect(cells[0]!.metrics.sync).toEqual([7, null, 7]);
  expect(failures).toEqual([{ trial: "serial", subject: "native", size: "", reason: "it fell over", rounds: 1 }]);
});

test("who is unfit is asked once and is no failure", async () => {
  let calls = 0;
  const run = async (): Promise<JobReply> => {
    calls++;
    return { unfit: "it has no asynchronous calls" };
  };
  const { unfit, failures, cells } = await runRounds([{ ...block, subjects: [subjects[0]!] }], forever, run);
  expect(calls).toBe(1);
  expect([failures, cells]).toEqual([[], []]);
  expect(unfit).toEqual([{ id: "serial/native/", title: "native", reason: "it has no asynchronous calls" }]);
});

test("when the time is up no further job begins, and the rest is counted", async () => {
  const { leftOut, cells } = await runRounds([block], { rounds: 3, budgetMs: -1 }, async () => ({ readings: {} }));
  expect(leftOut).toBe(6);
  expect(cells).toEqual([]);
});

test("a reading that is no number is a gap", async () => {
  const { cells } = await runRounds([block], { rounds: 1, budgetMs: 1e9 }, async () => ({
    readings: { sync: Number.NaN },
  }));
  expect(cells[0]!.metrics.sync).toEqual([null]);
});

test("an interrupt keeps what was measured, and blames nobody", async () => {
  const interrupt = new AbortController();
  let calls = 0;
  const run = async (): Promise<JobReply> => {
    if (++calls < 3) return { readings: { sync: calls } };
    interrupt.abort();
    return { error: "the process ended with SIGINT" };
  };
  const { cells, failures, leftOut } = await runRounds([block], { ...forever, signal: interrupt.signal }, run);
  expect(cells).toHaveLength(2);
  expect([calls, failures, leftOut]).toEqual([3, [], 4]);
});

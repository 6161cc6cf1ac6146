import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Module } from "extruntime";
import { refusal } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import type { Group, Test } from "../test.ts";

/** Milliseconds of work in a call whose time is measured: long enough that what its answer takes to arrive does not count. */
const WORK_MS = 20;
const MEASURED = 5;
/** Of the time that its caller saw, what a call took at the least by the module's count: a busy machine may hold the caller up once its answer is there. */
const LEAST_SHARE = 0.5;
/** Percentiles are right to a percent. */
const MOST_SHARE = 1.02;
const LENGTHS: readonly number[] = [1, 40, 1000, 20_000];

/** What `stats` tells beside numbers of calls, which every test compares with those that it made. */
export function statisticsGroup({ guests }: Subject): Group {
  const tests = [bytes, ...(guests.includes("spin") ? [durations] : [])];
  return { name: "what a module counts", promise: "contract", tests };
}

const bytes: Test = {
  name: "stats count the bytes of payloads and of results",
  async run(bench) {
    const big = await bench.load("big");
    const fail = await bench.load("throw");
    assert.deepEqual(bytesOf(big), { payloadBytes: 0, resultBytes: 0 }, "bytes that are counted before any call");
    let [sent, given] = [0, 0];
    for (const length of LENGTHS) {
      const payload = String(length);
      sent += payload.length;
      given += Buffer.byteLength(await big.invoke("big", payload));
      assert.deepEqual(bytesOf(big), { payloadBytes: sent, resultBytes: given }, `bytes after a result of ${length}`);
    }
    await refusal(() => fail.invoke("fail", '"é"'), "ERR_EXT_GUEST", "the call");
    const { payloadBytes, resultBytes } = bytesOf(fail);
    // Of calls in quick succession UTF-16 units are counted.
    assert.ok(payloadBytes === 3 || payloadBytes === 4, `a payload of 4 bytes counts as ${payloadBytes}`);
    assert.equal(resultBytes, 0, "bytes of results of a call that failed");
  },
};

/** By what the caller saw. How busy the machine is makes no difference, since both see it. */
const durations: Test = {
  name: "stats tell how long calls took, in milliseconds",
  patience: 2,
  async run(bench) {
    const runtime = await bench.runtime();
    const rounds = await calibrated(await bench.load("spin", undefined, runtime));
    const module = await bench.load("spin", { limits: { maxInstances: 1 } }, runtime);
    const seen: number[] = [];
    for (let i = 0; i < MEASURED; i++) {
      seen.push(await timeOf(module, rounds));
      // So that it is not one of many in quick succession, of which not every one is measured.
      await sleep(1);
    }
    seen.sort((a, b) => a - b);
    const { count, max, p50 } = module.stats().durations;
    assert.equal(count, MEASURED, "calls whose durations are counted");
    const [least, most] = [seen[MEASURED >> 1]! * LEAST_SHARE, seen.at(-1)! * MOST_SHARE];
    assert.ok(
      max >= least && max <= most && p50 >= seen[0]! * LEAST_SHARE,
      `calls took their caller ${seen.map((ms) => ms.toFixed(1)).join(", ")} ms, and stats say ${p50} at p50 and ${max} at most`,
    );
  },
};

function bytesOf(module: Module): { payloadBytes: number; resultBytes: number } {
  const { payloadBytes, resultBytes } = module.stats();
  return { payloadBytes, resultBytes };
}

async function calibrated(module: Module): Promise<number> {
  for (let rounds = 10_000; ; rounds *= 2) {
    const times = [await timeOf(module, rounds), await timeOf(module, rounds)];
    if (Math.min(...times) >= WORK_MS) return rounds;
  }
}

async function timeOf(module: Module, rounds: number): Promise<number> {
  const start = performance.now();
  await module.invoke("spin", String(rounds));
  return performance.now() - start;
}

import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import type { Module } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { engineTime } from "../../expect/processor-time.ts";
import { countRunning, otherThreads } from "../../expect/running-threads.ts";
import type { Subject } from "../../facts/facts.ts";
import type { Group } from "../test.ts";

/** Milliseconds of work in one call: long enough that what a call costs itself does not count. */
const WORK_MS = 60;
/** Pairs of calls at a time that are looked at, at the least: some hundred looks on most machines. */
const LOOKED_AT = 6;
/** Pairs of calls whose work or time is compared, at the most. */
const PAIRS = 15;
/** Looks at the threads, at the least. */
const LOOKS = 40;
/** Two calls one after the other take twice as long as one; on two cores they take as long as one. */
const AT_ONCE = 1.6;
/** Processor time of two calls at a time in that of two by themselves. One that waits by spinning for the whole other makes it 1.5. */
const MORE_WORK = 1.35;

/** `parallel`: calls that overlap run on more than one core at a time. Where it is `false` there is nothing to show. */
export function parallelGroup({ capabilities }: Subject): Group {
  const tests = capabilities.parallel ? [{ name: "two calls at a time run at the same time", run, patience: 3 }] : [];
  return { name: "overlapping calls on several cores", promise: "parallel", tests };
}

async function run(bench: Bench): Promise<void> {
  const module = await bench.load("spin", { limits: { maxInstances: 2 } });
  const rounds = await calibrate(module);
  // Short calls may all have gone to one instance: from here on there are two.
  await pair(module, rounds);
  if ((await otherThreads()) === undefined) await byClock(module, rounds);
  else await byThreads(module, rounds);
}

/**
 * Where the system shows its threads: while two calls run, two threads must be running or ready to. Threads that take turns
 * by a lock are not, and how busy the machine is makes no difference.
 */
async function byThreads(module: Module, rounds: number): Promise<void> {
  let looks = 0;
  let together = 0;
  for (let i = 0; i < PAIRS * 4 && (i < LOOKED_AT || looks < LOOKS); i++) {
    // Anew each time: a worker may have been replaced.
    const threads = (await otherThreads()) ?? [];
    let running = true;
    const both = pair(module, rounds).finally(() => {
      running = false;
    });
    while (running) {
      const count = countRunning(threads);
      looks++;
      if (count >= 2) together++;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await both;
  }
  assert.ok(looks >= LOOKS, "parallel is declared, and calls keep the thread that makes them to themselves");
  await byWork(module, rounds);
  const share = together / looks;
  assert.ok(
    share > 0.5,
    `parallel is declared, and two calls at a time run together in ${Math.round(share * 100)} of 100 looks`,
  );
}

/**
 * A thread that waits for a lock without sleeping runs, too, and does nothing: two calls at a time must take hardly more processor time than two by themselves, or hardly more
 * time than one. Neither a busy machine nor two cores that share their units make it so in every round.
 */
async function byWork(module: Module, rounds: number): Promise<void> {
  const time = await engineTime();
  if (time === undefined) return;
  const ratios: string[] = [];
  let good = 0;
  for (let i = 0; i < PAIRS && good <= PAIRS / 3; i++) {
    const [start, single] = [time(), await spin(module, rounds)];
    const [between, both] = [time(), await pair(module, rounds)];
    const work = (time() - between) / (2 * (between - start));
    if (work < MORE_WORK || both / single < AT_ONCE) good++;
    ratios.push(`${work.toFixed(1)} times the work and ${(both / single).toFixed(1)} times the time`);
  }
  assert.ok(
    good > PAIRS / 3,
    `parallel is declared, and two calls at a time take, beside one, ${ratios.slice(0, 4).join(", ")}: they wait for each other`,
  );
}

/**
 * Elsewhere, by the clock: each pair of calls is compared with the single calls before and after it, which a busy machine slows
 * down as much, and the median of many counts.
 */
async function byClock(module: Module, rounds: number): Promise<void> {
  assert.ok(availableParallelism() > 1, "this machine has one core, so parallel calls cannot be shown here");
  const ratios: number[] = [];
  let before = await spin(module, rounds);
  for (let i = 0; i < PAIRS * 2; i++) {
    const both = await pair(module, rounds);
    const after = await spin(module, rounds);
    ratios.push(both / ((before + after) / 2));
    before = after;
  }
  const median = ratios.sort((a, b) => a - b)[ratios.length >> 1]!;
  assert.ok(
    median < AT_ONCE,
    `parallel is declared, and two calls at a time take ${median.toFixed(2)} times as long as one`,
  );
}

/** A number of rounds that takes long enough, also once the engine's compiler has warmed up. */
async function calibrate(module: Module): Promise<number> {
  for (let rounds = 10_000; ; rounds *= 2) {
    const times = [await spin(module, rounds), await spin(module, rounds), await spin(module, rounds)];
    if (Math.min(...times) >= WORK_MS) return rounds;
  }
}

async function pair(module: Module, rounds: number): Promise<number> {
  const start = performance.now();
  await Promise.all([module.invoke("spin", String(rounds)), module.invoke("spin", String(rounds))]);
  return performance.now() - start;
}

async function spin(module: Module, rounds: number): Promise<number> {
  const start = performance.now();
  await module.invoke("spin", String(rounds));
  return performance.now() - start;
}

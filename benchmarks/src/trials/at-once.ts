import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { quantile } from "../statistics.ts";
import { mainThreadTime } from "../thread-time.ts";
import type { Readings } from "./trial.ts";

/** Starts one call. */
export type Start = () => Promise<unknown>;

export interface Run {
  readonly calls: number;
  readonly ns: number;
}

/** The event loop gets a turn this often at the least, as it would between the requests of a service. */
const TURN_MS = 1;
/** Milliseconds between looks at the clock, about: each costs as much as a tenth of the quickest call. */
const CLOCK_MS = 0.1;
/** Milliseconds between the looks at the event loop's delay; taken off its readings, since that much is no delay. */
const LOOK_MS = 1;
const MAX_SAMPLES = 200_000;

/** So many calls are under way all the time: each answer starts the next one, as the clients of a service do that wait for theirs. */
export function runFor(start: Start, atOnce: number, milliseconds: number): Promise<Run> {
  return run(start, atOnce, Number.POSITIVE_INFINITY, milliseconds);
}

/** The same for a number of calls, and one for each place at the least. */
export function runCalls(start: Start, atOnce: number, calls: number): Promise<Run> {
  return run(start, atOnce, calls, Number.POSITIVE_INFINITY);
}

async function run(start: Start, atOnce: number, most: number, milliseconds: number): Promise<Run> {
  const begin = process.hrtime.bigint();
  const end = performance.now() + milliseconds;
  let started = 0;
  let calls = 0;
  let over = false;
  let looked = performance.now();
  let turned = looked;
  /** Calls until the next look at the clock, and between the last two. */
  let untilLook = 1;
  let between = 1;
  /** While the event loop has its turn. */
  let turn: Promise<void> | undefined;

  const look = () => {
    const now = performance.now();
    between = now - looked < CLOCK_MS ? between * 2 : Math.max(1, between >> 1);
    untilLook = between;
    looked = now;
    over = now >= end;
    if (now - turned < TURN_MS) return;
    turn ??= setImmediate().then(() => {
      turn = undefined;
      turned = performance.now();
    });
  };
  const place = async () => {
    do {
      started++;
      await start();
      calls++;
      if (--untilLook === 0) look();
      if (turn !== undefined) await turn;
    } while (!over && started < most);
  };

  await Promise.all(Array.from({ length: atOnce }, place));
  return { calls, ns: Number(process.hrtime.bigint() - begin) };
}

/** Rate, the main thread's own time for a call, and the delay of the event loop meanwhile. */
export async function measureRate(start: Start, atOnce: number, milliseconds: number): Promise<Readings> {
  const delay = monitorEventLoopDelay({ resolution: LOOK_MS });
  delay.enable();
  const before = mainThreadTime();
  const { calls, ns } = await runFor(start, atOnce, milliseconds);
  const after = mainThreadTime();
  delay.disable();
  const readings: Readings = { rate: (calls * 1e9) / ns };
  if (before !== undefined && after !== undefined) readings.main = (after - before) / calls;
  if (delay.count > 0) readings.loopP99 = Math.max(0, delay.percentile(99) - LOOK_MS * 1e6);
  return readings;
}

/** Percentiles of the time from a call's start to its answer, in nanoseconds; apart from the rate, since clocks cost time too. */
export async function measureLatency(start: Start, atOnce: number, milliseconds: number): Promise<Readings> {
  const samples: number[] = [];
  const timed: Start = async () => {
    const begin = performance.now();
    await start();
    if (samples.length < MAX_SAMPLES) samples.push((performance.now() - begin) * 1e6);
  };
  await runFor(timed, atOnce, milliseconds);
  return { p50: quantile(samples, 0.5), p99: quantile(samples, 0.99), p999: quantile(samples, 0.999) };
}

import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { quantile } from "../statistics.ts";
import { mainThreadTime } from "../thread-time.ts";
import type { Readings } from "./trial.ts";

/** Starts one call. `index` counts the calls of a wave. */
export type Start = (index: number) => Promise<unknown>;

/** The event loop gets a turn this often at the least, as it would between the requests of a service. */
const TURN_MS = 1;
/** Milliseconds between the looks at the event loop's delay; taken off its readings, since that much is no delay. */
const LOOK_MS = 1;
const MAX_SAMPLES = 200_000;

/** Calls in waves: so many are started in one turn of the event loop, and the next wave when all have their answers. */
export async function runWaves(
  start: Start,
  atOnce: number,
  milliseconds: number,
): Promise<{ calls: number; ns: number }> {
  const begin = process.hrtime.bigint();
  const end = performance.now() + milliseconds;
  let turn = performance.now();
  let calls = 0;
  do {
    const wave = new Array<Promise<unknown>>(atOnce);
    for (let i = 0; i < atOnce; i++) wave[i] = start(i);
    await Promise.all(wave);
    calls += atOnce;
    if (performance.now() - turn >= TURN_MS) {
      await setImmediate();
      turn = performance.now();
    }
  } while (performance.now() < end);
  return { calls, ns: Number(process.hrtime.bigint() - begin) };
}

/** Rate, the main thread's own time for a call, and the delay of the event loop meanwhile. */
export async function measureRate(start: Start, atOnce: number, milliseconds: number): Promise<Readings> {
  const delay = monitorEventLoopDelay({ resolution: LOOK_MS });
  delay.enable();
  const before = mainThreadTime();
  const { calls, ns } = await runWaves(start, atOnce, milliseconds);
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
  const timed: Start = async (index) => {
    const begin = performance.now();
    await start(index);
    if (samples.length < MAX_SAMPLES) samples.push((performance.now() - begin) * 1e6);
  };
  await runWaves(timed, atOnce, milliseconds);
  return { p50: quantile(samples, 0.5), p99: quantile(samples, 0.99), p999: quantile(samples, 0.999) };
}

import { env } from "node:process";
import { expect, test } from "vitest";
import { chaos } from "./chaos.ts";
import { makeRuntimes } from "./runtimes.ts";
import { KEPT_SEEDS, keepSeed } from "./seeds.ts";

/**
 * Real engines at all their placements at once, under all that can happen to calls. `CHAOS_SECONDS` is the time in all,
 * 60 by default and 3600 at night; `CHAOS_SEED` plays one run again. With `CHAOS_KEEP` a seed that fails is kept.
 */
const seconds = Number(env.CHAOS_SECONDS ?? 60);
/** Of half a minute in CI; at night of ten. */
const RUNS = Math.max(2, Math.round(seconds / 600));
const fresh = Array.from({ length: RUNS }, () => Math.floor(Math.random() * 2 ** 31));
const seeds = env.CHAOS_SEED === undefined ? [...KEPT_SEEDS, ...fresh] : [Number(env.CHAOS_SEED)];

test.each(seeds)(
  "seed %i: every call has its own answer or a code that it may have, in its time",
  // What it finds once is found, though it may not come again.
  { retry: 0, timeout: (seconds * 1000) / seeds.length + 900_000 },
  async (seed) => {
    const report = await chaos(seed, { ms: (seconds * 1000) / seeds.length, runtimes: makeRuntimes });
    console.log(
      `chaos, seed ${seed}: ${report.calls} calls, ${report.answered} answered, ${JSON.stringify(report.codes)}; ` +
        `slowest in ms: ${JSON.stringify(report.slowest)}; machine ${report.slowdown} times slower than at rest`,
    );
    if (report.faults.length > 0 && env.CHAOS_KEEP) keepSeed(seed);
    if (report.faults.length > 0)
      throw new Error(`${report.faults.length} faults:\n${report.faults.slice(0, 15).join("\n")}`);
    expect(report.answered).toBeGreaterThan(0);
  },
);

import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FEW_SLOTS, loadCore, removeCopies } from "./core.ts";
import { type Cores, runSchedule } from "./schedule.ts";

/** Schedules that are run, and the seed of the first: seeds 1 to 10,000. A million at night. */
const SCHEDULES = Number(process.env.EXTRUNTIME_SIMULATION_SCHEDULES ?? 10_000);
const FIRST = Number(process.env.EXTRUNTIME_SIMULATION_FIRST ?? 1);
/** Seeds that have failed once, and that no usual run has: they are run first, for ever. With `EXTRUNTIME_SIMULATION_KEEP` one that fails is kept there. */
const KEPT = new URL("kept-seeds.json", import.meta.url);
/** Runs this seed alone. */
const SEED = process.env.EXTRUNTIME_SIMULATION_SEED;

let cores: Cores;

beforeAll(async () => {
  cores = { usual: await loadCore("usual", []), fewSlots: await loadCore("few-slots", FEW_SLOTS) };
});

afterAll(removeCopies);

it(
  `${SCHEDULES} schedules of calls, crashes, stalls, aborts, deadlines and closes answer each call once, in order, and leave nothing behind`,
  async () => {
    if (SEED !== undefined) {
      await runSchedule(Number(SEED), cores);
      return;
    }
    const failures: string[] = [];
    const kept: number[] = JSON.parse(readFileSync(KEPT, "utf8"));
    const seeds = [...kept, ...Array.from({ length: SCHEDULES }, (_, index) => FIRST + index)];
    for (const seed of seeds) {
      if (failures.length >= 5) break;
      await runSchedule(seed, cores).catch((error: Error) => {
        failures.push(error.message);
        if (process.env.EXTRUNTIME_SIMULATION_KEEP && !kept.includes(seed)) kept.push(seed);
      });
    }
    if (failures.length > 0 && process.env.EXTRUNTIME_SIMULATION_KEEP) writeFileSync(KEPT, `${JSON.stringify(kept)}\n`);
    expect(failures).toEqual([]);
  },
  3_600_000 * 8,
);

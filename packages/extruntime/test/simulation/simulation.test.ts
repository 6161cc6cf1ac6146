import { afterAll, beforeAll, expect, it } from "vitest";
import { FEW_SLOTS, loadCore, removeCopies } from "./core.ts";
import { type Cores, runSchedule } from "./schedule.ts";

/** Schedules that are run: seeds 1 to this. A million at night. */
const SCHEDULES = Number(process.env.EXTRUNTIME_SIMULATION_SCHEDULES ?? 10_000);
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
    for (let seed = 1; seed <= SCHEDULES && failures.length < 5; seed++)
      await runSchedule(seed, cores).catch((error: Error) => failures.push(error.message));
    expect(failures).toEqual([]);
  },
  3_600_000 * 8,
);

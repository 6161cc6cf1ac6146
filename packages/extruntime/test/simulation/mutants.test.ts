import { afterAll, describe, expect, it } from "vitest";
import { FEW_SLOTS, loadCore, removeCopies } from "./core.ts";
import { MUTANTS, type Mutant } from "./mutants.ts";
import { runSchedule } from "./schedule.ts";

/** Each is found by one of the schedules up to this one. Which one it is changes with the core. */
const SCHEDULES = 2000;

afterAll(removeCopies);

/** What the first schedule that finds it says. */
async function found({ changes }: Mutant, name: string): Promise<string | undefined> {
  const cores = {
    usual: await loadCore(`${name}-usual`, changes),
    fewSlots: await loadCore(`${name}-few-slots`, [...changes, ...FEW_SLOTS]),
  };
  for (let seed = 1; seed <= SCHEDULES; seed++) {
    const fault = await runSchedule(seed, cores).then(
      () => undefined,
      (error: Error) => error.message.split("\n")[0],
    );
    if (fault !== undefined) return fault;
  }
  return undefined;
}

describe("the simulation finds", () => {
  it.each(MUTANTS.map((mutant, index) => [mutant.what, index] as const))(
    "%s",
    async (_what, index) => {
      const mutant = MUTANTS[index]!;
      expect(await found(mutant, `mutant${index}`)).toBeDefined();
    },
    3_600_000,
  );
});

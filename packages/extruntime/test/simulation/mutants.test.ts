import { afterAll, describe, expect, it } from "vitest";
import { FEW_SLOTS, loadCore, removeCopies } from "./core.ts";
import { MUTANTS, type Mutant } from "./mutants.ts";
import { runSchedule } from "./schedule.ts";

/** Looks for the seeds anew, up to this one, and prints them. */
const SEARCH = Number(process.env.EXTRUNTIME_SIMULATION_SEARCH ?? 0);

afterAll(removeCopies);

async function finds({ changes }: Mutant, name: string, seeds: Iterable<number>): Promise<number | undefined> {
  const cores = {
    usual: await loadCore(`${name}-usual`, changes),
    fewSlots: await loadCore(`${name}-few-slots`, [...changes, ...FEW_SLOTS]),
  };
  for (const seed of seeds) {
    const found = await runSchedule(seed, cores).then(
      () => undefined,
      (error: Error) => error.message.split("\n")[0],
    );
    if (found !== undefined && SEARCH > 0) console.log(`${found.slice(0, 200)}`);
    if (found !== undefined) return seed;
  }
  return undefined;
}

function* upTo(last: number): Iterable<number> {
  for (let seed = 1; seed <= last; seed++) yield seed;
}

describe("the simulation finds", () => {
  it.each(MUTANTS.map((mutant, index) => [mutant.what, index] as const))(
    "%s",
    async (_what, index) => {
      const mutant = MUTANTS[index]!;
      expect(await finds(mutant, `mutant${index}`, SEARCH > 0 ? upTo(SEARCH) : [mutant.seed])).toBe(mutant.seed);
    },
    3_600_000,
  );
});

import type { JobReply } from "./job.ts";
import type { Options } from "./options.ts";
import type { Block } from "./plan.ts";
import type { Cell, Failure, Missing } from "./result.ts";
import { shuffled } from "./statistics.ts";
import type { SubjectSpec } from "./subjects/subject.ts";

/** How a job is run; the tests have their own. */
export type Run = (block: Block, spec: SubjectSpec) => Promise<JobReply>;

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly round: number;
  readonly block: Block;
  readonly spec: SubjectSpec;
}

export interface Measured {
  readonly cells: Cell[];
  readonly failures: Failure[];
  /** Subjects with nothing to measure in a trial, and why: `id` is `trial/subject`. */
  readonly unfit: Missing[];
  /** Jobs that did not take place, for the time was up or somebody interrupted the run. */
  readonly leftOut: number;
}

/**
 * Runs all blocks in each round, in random order, and all subjects of a block one after the other, in random order too: what
 * is compared with each other is measured within a short time.
 */
export async function runRounds(
  blocks: readonly Block[],
  options: Pick<Options, "rounds" | "budgetMs"> & { readonly signal?: AbortSignal | undefined },
  run: Run,
  onProgress: (progress: Progress) => void = () => {},
): Promise<Measured> {
  const cells = new Map<string, Cell & { metrics: Record<string, (number | null)[]> }>();
  const failures = new Map<string, Failure>();
  const unfit = new Map<string, Missing>();
  const total = blocks.reduce((sum, block) => sum + block.subjects.length * roundsOf(block, options), 0);
  const end = performance.now() + options.budgetMs;
  const interrupted = () => options.signal?.aborted === true;
  let done = 0;
  let leftOut = 0;
  for (let round = 0; round < options.rounds; round++) {
    const inRound = blocks.filter((each) => round < roundsOf(each, options));
    // Where the time may not suffice, the first round goes from the most to the least asked for.
    for (const block of round === 0 && Number.isFinite(options.budgetMs) ? inRound : shuffled(inRound)) {
      for (const spec of shuffled(block.subjects)) {
        const key = `${block.trial.info.id}/${spec.id}/${block.size}`;
        done++;
        if (unfit.has(key)) continue;
        if (performance.now() > end || interrupted()) {
          leftOut++;
          continue;
        }
        onProgress({ done, total, round, block, spec });
        const reply = await run(block, spec);
        if ("readings" in reply) record(cells, key, block, spec, round, options.rounds, reply.readings);
        else if ("unfit" in reply) unfit.set(key, { id: key, title: spec.title, reason: reply.unfit });
        // An interrupt reaches the job as well, and is not its fault.
        else if (interrupted()) leftOut++;
        else fail(failures, key, block, spec, "error" in reply ? reply.error : "it gave no readings");
      }
    }
  }
  return { cells: [...cells.values()], failures: [...failures.values()], unfit: [...unfit.values()], leftOut };
}

function roundsOf({ trial }: Block, { rounds }: Pick<Options, "rounds">): number {
  return Math.min(rounds, trial.maxRounds ?? rounds);
}

function record(
  cells: Map<string, Cell & { metrics: Record<string, (number | null)[]> }>,
  key: string,
  { trial, size }: Block,
  spec: SubjectSpec,
  round: number,
  rounds: number,
  readings: Record<string, number>,
): void {
  const cell = cells.get(key) ?? { trial: trial.info.id, subject: spec.id, size, metrics: {} };
  cells.set(key, cell);
  for (const [metric, value] of Object.entries(readings)) {
    cell.metrics[metric] ??= new Array<number | null>(rounds).fill(null);
    // More than six digits are noise, and make the files larger.
    cell.metrics[metric][round] = Number.isFinite(value) ? Number(value.toPrecision(4)) : null;
  }
}

function fail(
  failures: Map<string, Failure>,
  key: string,
  { trial, size }: Block,
  spec: SubjectSpec,
  reason: string,
): void {
  const rounds = (failures.get(key)?.rounds ?? 0) + 1;
  failures.set(key, { trial: trial.info.id, subject: spec.id, size, reason, rounds });
}

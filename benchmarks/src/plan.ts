import { LINES } from "./lines.ts";
import type { Options } from "./options.ts";
import type { SubjectSpec } from "./subjects/subject.ts";
import { TRIALS } from "./trials/index.ts";
import type { Trial } from "./trials/trial.ts";

/** One trial at one size, with everybody who takes part: they run one after the other, in random order. */
export interface Block {
  readonly trial: Trial;
  readonly size: string;
  readonly subjects: readonly SubjectSpec[];
}

/** @throws TypeError for trials, engines or sizes that are not there. */
export function makePlan(
  subjects: readonly SubjectSpec[],
  options: Options,
  trials: readonly Trial[] = TRIALS,
): Block[] {
  const chosenTrials = choose(trials, options.trials, (trial) => [trial.info.id], "--trials");
  choose(subjects, options.engines, ({ id, engine }) => [id, engine ?? id], "--engines");
  const blocks: Block[] = [];
  for (const trial of chosenTrials) {
    for (const size of sizesOf(trial, options)) {
      const members = subjects.filter(
        (spec) => isChosen(spec, options) && trial.includes(spec) && (!options.quick || isInQuick(trial, spec)),
      );
      if (members.length > 0) blocks.push({ trial, size, subjects: members });
    }
  }
  if (options.sizes.length > 0 && blocks.length === 0)
    throw new TypeError(`--sizes: no chosen trial has the size ${options.sizes.join(" or ")}`);
  return Number.isFinite(options.budgetMs) ? promisesFirst(blocks) : blocks;
}

/** Where the time may end first: what the promises of speed are judged by goes before the rest. */
function promisesFirst(blocks: readonly Block[]): Block[] {
  const judged = ({ trial, size }: Block) => LINES.some(({ job }) => job.trial === trial.info.id && job.size === size);
  return [...blocks.filter(judged), ...blocks.filter((block) => !judged(block))];
}

/** The floors stay, whatever is chosen: without them a figure says nothing. */
export function isChosen({ id, engine, kind, placement, primary }: SubjectSpec, options: Options): boolean {
  // Variants would take half of a quick run.
  if (options.quick && !primary && !options.engines.includes(id)) return false;
  if (kind === "floor") return true;
  if (kind === "peer" && !options.peers) return options.engines.includes(id);
  if (options.engines.length > 0 && !options.engines.includes(id) && !options.engines.includes(engine ?? ""))
    return false;
  return kind !== "engine" || options.placements.length === 0 || options.placements.includes(placement);
}

/** Floors and peers stand beside the engines where calls are counted; everywhere else a quick run has the bare loop alone. */
function isInQuick({ info }: Trial, { kind, id }: SubjectSpec): boolean {
  return kind === "engine" || id === "bare-js" || ["serial", "concurrent"].includes(info.id);
}

function sizesOf(trial: Trial, { sizes, trials, quick }: Options): readonly string[] {
  // A trial that was asked for by name takes place, in a quick run too.
  const usual = quick && (trial.quickSizes.length > 0 || trials.length === 0) ? trial.quickSizes : trial.sizes;
  if (sizes.length === 0) return usual;
  return trial.info.size === undefined ? usual : trial.sizes.filter((size) => sizes.includes(size));
}

function choose<T>(
  all: readonly T[],
  names: readonly string[],
  namesOf: (item: T) => string[],
  option: string,
): readonly T[] {
  const known = new Set(all.flatMap(namesOf));
  const wrong = names.filter((name) => !known.has(name));
  if (wrong.length > 0)
    throw new TypeError(`${option}: there is no ${wrong.join(", ")}; there are ${[...known].join(", ")}`);
  return names.length === 0 ? all : all.filter((item) => namesOf(item).some((name) => names.includes(name)));
}

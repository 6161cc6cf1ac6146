import { digits } from "./format.ts";
import type { MetricInfo, RunResult } from "./result.ts";
import { type Rounds, type Summary, summarize } from "./statistics.ts";

/** A ratio of two runs that moved beyond the noise. */
export interface Moved {
  readonly what: string;
  readonly before: Summary;
  readonly after: Summary;
  /** `after` over `before`. */
  readonly change: number;
  readonly worse: boolean;
}

export interface Comparison {
  readonly moved: readonly Moved[];
  /** Ratios that both runs have. */
  readonly compared: number;
  /** Those with too few rounds to tell noise from change. */
  readonly tooFew: number;
}

/** Below this a difference is of no interest, however sure. */
const LEAST_CHANGE = 0.05;
/** With three rounds each, two lists that do not overlap come about by chance once in ten times a ratio; with five, once in 126. */
const LEAST_ROUNDS = 3;

/**
 * Compares ratios alone, since times belong to a machine. A ratio has moved where the medians differ by more than 5 % and no
 * round of one run reaches into the rounds of the other.
 */
export function compare(before: RunResult, after: RunResult): Comparison {
  const moved: Moved[] = [];
  let compared = 0;
  let tooFew = 0;
  const others = new Map(ratiosOf(after).map((ratio) => [ratio.what, ratio]));
  for (const { what, rounds, better } of ratiosOf(before)) {
    const [a, b] = [summarize(rounds), summarize(others.get(what)?.rounds ?? [])];
    if (a === undefined || b === undefined) continue;
    compared++;
    if (a.count < LEAST_ROUNDS || b.count < LEAST_ROUNDS) tooFew++;
    else if (hasMoved(a, b)) {
      const change = b.median / a.median;
      moved.push({ what, before: a, after: b, change, worse: better === "lower" ? change > 1 : change < 1 });
    }
  }
  return { moved: moved.sort((a, b) => Math.abs(Math.log(b.change)) - Math.abs(Math.log(a.change))), compared, tooFew };
}

function hasMoved(a: Summary, b: Summary): boolean {
  const apart = a.max < b.min || b.max < a.min;
  return apart && Math.abs(b.median / a.median - 1) > LEAST_CHANGE;
}

interface Ratio {
  readonly what: string;
  readonly rounds: Rounds;
  readonly better: MetricInfo["better"];
}

/** Every metric that is a ratio: those of the trials, and those to a floor in the same process. */
function ratiosOf({ cells }: RunResult): Ratio[] {
  return cells.flatMap(({ trial, subject, size, metrics }) =>
    Object.entries(metrics)
      .filter(([id]) => /X:/.test(id))
      .map(([id, rounds]) => ({
        what: [trial, size, subject, id].filter(Boolean).join(" "),
        rounds,
        better: id.startsWith("rate") ? ("higher" as const) : ("lower" as const),
      })),
  );
}

export function printComparison({ moved, compared, tooFew }: Comparison): string {
  const lines = moved.map(
    ({ what, before, after, change, worse }) =>
      `${worse ? "worse " : "better"}  ${what}: ${show(before)} → ${show(after)}  (${change > 1 ? "+" : ""}${digits((change - 1) * 100)} %)`,
  );
  lines.push(`${moved.length} of ${compared} ratios moved beyond the noise`);
  if (tooFew > 0) lines.push(`${tooFew} have fewer than ${LEAST_ROUNDS} rounds in one of the runs, and cannot tell`);
  return `${lines.join("\n")}\n`;
}

function show({ median, min, max }: Summary): string {
  return `${digits(median)} [${digits(min)}–${digits(max)}]`;
}

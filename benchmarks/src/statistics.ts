/** The few statistics that the report rests on: of medians and the spread of rounds, never of means. */

export interface Summary {
  readonly count: number;
  readonly median: number;
  /** First and third quartile. */
  readonly q1: number;
  readonly q3: number;
  readonly min: number;
  readonly max: number;
}

/** Values of one round each; `null` where the round failed, so that the rounds of two lists stay side by side. */
export type Rounds = readonly (number | null)[];

/** `undefined` where no round gave a value. */
export function summarize(rounds: Rounds): Summary | undefined {
  const sorted = ascending(rounds);
  if (sorted.length === 0) return undefined;
  return {
    count: sorted.length,
    median: quantileOf(sorted, 0.5),
    q1: quantileOf(sorted, 0.25),
    q3: quantileOf(sorted, 0.75),
    min: sorted[0]!,
    max: sorted.at(-1)!,
  };
}

/** @throws TypeError for an empty list. */
export function median(values: Rounds): number {
  return quantile(values, 0.5);
}

/**
 * Linear between the two values next to it.
 *
 * @throws TypeError for an empty list.
 */
export function quantile(values: Rounds, q: number): number {
  const sorted = ascending(values);
  if (sorted.length === 0) throw new TypeError("there is no quantile of nothing");
  return quantileOf(sorted, q);
}

/** Round by round, so that what slowed both down in a round falls out. `null` where either has no value. */
export function ratios(values: Rounds, floors: Rounds): (number | null)[] {
  return values.map((value, round) => {
    const floor = floors[round];
    return value === null || floor === null || floor === undefined || floor === 0 ? null : value / floor;
  });
}

/** Fisher and Yates. `random` gives numbers from 0 up to 1. */
export function shuffled<T>(items: Iterable<T>, random: () => number = Math.random): T[] {
  const list = [...items];
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}

function ascending(values: Rounds): number[] {
  return values.filter((value) => value !== null).sort((a, b) => a - b);
}

function quantileOf(sorted: readonly number[], q: number): number {
  const place = (sorted.length - 1) * q;
  const below = sorted[Math.floor(place)]!;
  return below + (sorted[Math.ceil(place)]! - below) * (place - Math.floor(place));
}

import type { RunResult, SubjectInfo } from "../src/result.ts";
import { type Summary, summarize } from "../src/statistics.ts";

/** One mark of a plot: a subject at a size, with the spread of its rounds. */
export interface Point {
  readonly subject: SubjectInfo;
  readonly size: string;
  readonly summary: Summary;
}

export const result = JSON.parse(document.getElementById("result")!.textContent!) as RunResult;

const subjects = new Map(result.subjects.map((subject) => [subject.id, subject]));

export function pointsOf(trial: string, metric: string): Point[] {
  return result.cells.flatMap((cell) => {
    const subject = subjects.get(cell.subject);
    const summary = cell.trial === trial && subject !== undefined ? summarize(cell.metrics[metric] ?? []) : undefined;
    return subject === undefined || summary === undefined ? [] : [{ subject, size: cell.size, summary }];
  });
}

/** In the order of the trial, which is that of the first subject measured only by chance. */
export function sizesOf(trial: string): string[] {
  const sizes = [...new Set(result.cells.filter((cell) => cell.trial === trial).map(({ size }) => size))];
  return sizes.every((size) => /^\d+$/.test(size)) ? sizes.sort((a, b) => Number(a) - Number(b)) : sizes.sort();
}

export function hasPoints(trial: string, metric: string): boolean {
  return result.cells.some((cell) => cell.trial === trial && cell.metrics[metric]?.some((value) => value !== null));
}

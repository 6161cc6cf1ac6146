import { format, formatSpan } from "../format.ts";
import { type MetricInfo, type RunResult, rounds, type SubjectInfo, type TrialInfo } from "../result.ts";
import { summarize } from "../statistics.ts";
import { markdownTable } from "./table.ts";

/** The tables of one trial: metrics side by side where it has one size, else a table a metric with the sizes side by side. */
export function trialTables(result: RunResult, trial: TrialInfo): string {
  const sizes = sizesOf(result, trial.id);
  if (sizes.length === 1) return byMetric(result, trial, sizes[0]!);
  return trial.metrics
    .filter((metric) => isMeasured(result, trial, metric))
    .map((metric) => `**${metric.title}**, by ${trial.size}:\n\n${bySize(result, trial, metric, sizes)}`)
    .join("\n\n");
}

function byMetric(result: RunResult, trial: TrialInfo, size: string): string {
  const metrics = trial.metrics.filter((metric) => isMeasured(result, trial, metric));
  return rowsOf(result, ["", ...metrics.map(({ title }) => title)], (subject) =>
    metrics.map((metric) => cell(result, trial, subject, size, metric, true)),
  );
}

function bySize(result: RunResult, trial: TrialInfo, metric: MetricInfo, sizes: readonly string[]): string {
  return rowsOf(
    result,
    ["", ...sizes.map((size) => (/^\d+$/.test(size) ? Number(size).toLocaleString("en") : size))],
    (subject) => sizes.map((size) => cell(result, trial, subject, size, metric, false)),
  );
}

const NONE = "–";

function rowsOf({ subjects }: RunResult, head: readonly string[], cells: (subject: SubjectInfo) => string[]): string {
  const rows = subjects
    .map((subject) => [subject.kind === "engine" ? `**${subject.title}**` : subject.title, ...cells(subject)])
    .filter(([, ...values]) => values.some((value) => value !== NONE));
  return markdownTable(head, rows);
}

/** The median; of ratios with the quartiles of the rounds. */
function cell(
  result: RunResult,
  trial: TrialInfo,
  subject: SubjectInfo,
  size: string,
  metric: MetricInfo,
  spread: boolean,
): string {
  const summary = summarize(rounds(result, trial.id, subject.id, size, metric.id) ?? []);
  if (summary === undefined) return NONE;
  const middle = format(summary.median, metric.unit);
  if (!spread || metric.unit !== "×" || summary.count < 3) return middle;
  return `${middle} (${formatSpan(summary.q1, summary.q3, "×")})`;
}

function isMeasured({ cells }: RunResult, trial: TrialInfo, { id }: MetricInfo): boolean {
  return cells.some((each) => each.trial === trial.id && each.metrics[id]?.some((value) => value !== null));
}

function sizesOf({ cells }: RunResult, trial: string): string[] {
  const sizes = [...new Set(cells.filter((each) => each.trial === trial).map(({ size }) => size))];
  return sizes.every((size) => /^\d+$/.test(size)) ? sizes.sort((a, b) => Number(a) - Number(b)) : sizes.sort();
}

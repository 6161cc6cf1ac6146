import { format } from "./format.ts";
import type { JudgedLine } from "./lines.ts";
import { type RunResult, rounds } from "./result.ts";
import { summarize } from "./statistics.ts";

/** What a run prints at its end: the first metrics of each trial, and the promises. */
export function printResult(result: RunResult, judged: readonly JudgedLine[]): string {
  const parts: string[] = [];
  for (const { id, title, size: sizeTitle, metrics } of result.trials) {
    const sizes = [...new Set(result.cells.filter(({ trial }) => trial === id).map(({ size }) => size))];
    for (const size of sizes) {
      const rows = result.subjects.flatMap((subject) => {
        const cells = metrics.map((metric) => {
          const summary = summarize(rounds(result, id, subject.id, size, metric.id) ?? []);
          return summary === undefined ? "–" : format(summary.median, metric.unit);
        });
        return cells.every((cell) => cell === "–") ? [] : [[subject.title, ...cells]];
      });
      parts.push(`\n${title}${size === "" ? "" : `: ${size} ${sizeTitle}`}\n`);
      parts.push(columns([["", ...metrics.map((metric) => metric.title)], ...rows]));
    }
  }
  parts.push("\nPromises\n");
  parts.push(
    columns(
      judged.map(({ line, verdict, rounds: values }) => [
        verdict === "not measured" ? "–" : verdict,
        `${line.about}: ${line.claim}`,
        values.length === 0 ? "" : format(summarize(values)!.median, line.unit),
        "atMost" in line.bound
          ? `at most ${format(line.bound.atMost, line.unit)}`
          : `at least ${format(line.bound.atLeast, line.unit)}`,
      ]),
    ),
  );
  for (const { title, reason } of result.missing) parts.push(`\nmissing: ${title}: ${reason}`);
  for (const { trial, subject, size, reason } of result.failures)
    parts.push(`\nfailed: ${trial} ${size} ${subject}: ${reason}`);
  return `${parts.join("\n")}\n`;
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) =>
      row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join("  "),
    )
    .map((line) => `  ${line.trimEnd()}`)
    .join("\n");
}

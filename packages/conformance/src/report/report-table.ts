import type { ConformanceReport, PromiseResult } from "./report.ts";

/** The table of promises for a terminal, and below it what is broken. */
export function formatReport(report: ConformanceReport): string {
  const head = `${report.runtime}, placed ${report.placement}, for ${report.languages.join(", ")}`;
  if (report.unavailable !== undefined) return `${head}\n  cannot run here: ${report.unavailable}\n`;
  const rows = report.promises.map((result) => [result.promise, declaredText(result), verdict(result)]);
  const broken = report.tests
    .filter((test) => test.failure !== undefined)
    .map((test) => `\n  ✗ ${test.group} > ${test.name}\n    ${test.failure?.replaceAll("\n", "\n    ")}\n`);
  return `${head}\n\n${table([["promise", "declared", ""], ...rows])}${broken.join("")}`;
}

/** What a runtime declares of a promise, as a word. */
export function declaredText({ promise, declared }: PromiseResult): string {
  if (promise === "contract") return "-";
  if (Array.isArray(declared)) return declared.join(", ");
  return declared === true ? "yes" : declared === false ? "no" : String(declared);
}

export function verdict({ passed, failed, whole }: PromiseResult): string {
  if (passed + failed === 0) return "not promised";
  return failed === 0
    ? `proved (${passed} tests${whole ? "" : " of the smoke set"})`
    : `BROKEN (${failed} of ${passed + failed} tests)`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `  ${row
          .map((cell, i) => cell.padEnd(widths[i]!))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

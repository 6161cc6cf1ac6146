import type { Run } from "./run-cases.ts";

/** The runs as JUnit's XML, which CI systems read: a suite for each placement. */
export function junit(extension: string, runs: readonly Run[]): string {
  const suites = runs.map((run) => suite(extension, run));
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join("\n")}\n</testsuites>\n`;
}

function suite(extension: string, { runtime, placement, loadError, results }: Run): string {
  const label = `${extension} (${runtime}, ${placement})`;
  const cases = results.map(({ name, milliseconds, failure, log }) => {
    const parts = [
      failure === undefined
        ? ""
        : `<failure message="${escaped("it is not what was expected")}">${escaped(`expected ${failure.expected}\ngot      ${failure.got}`)}</failure>`,
      log.length === 0 ? "" : `<system-out>${escaped(log.join("\n"))}</system-out>`,
    ];
    return testcase(label, name, milliseconds, parts.join(""));
  });
  if (loadError !== undefined)
    cases.push(
      testcase(label, "it loads", 0, `<error message="${escaped(loadError.message)}" type="${loadError.code}"/>`),
    );
  const failures = results.filter(({ ok }) => !ok).length;
  const time = seconds(results.reduce((sum, { milliseconds }) => sum + milliseconds, 0));
  const counts = `tests="${cases.length}" failures="${failures}" errors="${loadError === undefined ? 0 : 1}" time="${time}"`;
  return `  <testsuite name="${escaped(label)}" ${counts}>\n${cases.join("\n")}\n  </testsuite>`;
}

function testcase(suite: string, name: string, milliseconds: number, content: string): string {
  return `    <testcase classname="${escaped(suite)}" name="${escaped(name)}" time="${seconds(milliseconds)}">${content}</testcase>`;
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;",
};
// What XML 1.0 has no way to write: it is left out.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about.
const FORBIDDEN = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;

function escaped(text: string): string {
  return text.replace(FORBIDDEN, "").replace(/[&<>"\n]/g, (unit) => ENTITIES[unit]!);
}

import { codeFrame, type Range } from "../terminal/code-frame.ts";
import { type Output, visible } from "../terminal/io.ts";

/** What is wrong with an extension, or would be elsewhere. */
export interface Problem extends Partial<Range> {
  readonly severity: "error" | "warning";
  /** A code of an `ExtensionError`, or a word of this package's for what is none: `strangers`, `unused-permission`. */
  readonly code: string;
  readonly message: string;
  /** What to do, where the message does not say it. */
  readonly remedy?: string | undefined;
  /** Path of the file that it is about, as the command was given its folder. */
  readonly file?: string | undefined;
}

/** Texts of the files that problems are in, by their paths. */
export type Texts = ReadonlyMap<string, string>;

export function printProblem(problem: Problem, texts: Texts, out: Output): void {
  const { colors } = out;
  const { file, line, column, endLine, endColumn, severity } = problem;
  const paint = severity === "error" ? colors.red : colors.yellow;
  const at = [file === undefined ? undefined : visible(file), line, column].filter((part) => part !== undefined);
  const place = at.length === 0 ? "" : `${colors.cyan(at.join(":"))} `;
  out.line(`${place}${colors.bold(paint(severity))} ${visible(problem.message)} ${colors.dim(problem.code)}`);
  const text = file === undefined ? undefined : texts.get(file);
  if (text !== undefined && line !== undefined && column !== undefined) {
    const range = { line, column, endLine: endLine ?? line, endColumn: endColumn ?? column + 1 };
    out.line(codeFrame(text, range, out));
  }
  if (problem.remedy !== undefined) out.line(`  ${colors.green("→")} ${visible(problem.remedy)}`);
  out.line();
}

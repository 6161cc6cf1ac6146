import type { Output } from "./io.ts";
import { visible } from "./io.ts";

/** A part of a text. Lines and columns count from 1, columns in UTF-16 units, as editors count them. */
export interface Range {
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** Lines that are shown before and after. */
const AROUND = 2;
const WIDEST = 120;

export function rangeAt(text: string, offset: number, length: number): Range {
  const [line, column] = place(text, offset);
  const [endLine, endColumn] = place(text, offset + length);
  return { line, column, endLine, endColumn };
}

/** From a line and a column of a stack to the end of the word there; without a column what the line has. */
export function rangeOfWord(text: string, line: number, column: number | undefined): Range {
  const whole = text.split(/\r\n|\n|\r/)[line - 1] ?? "";
  if (column === undefined) {
    const indent = whole.length - whole.trimStart().length;
    return { line, column: indent + 1, endLine: line, endColumn: Math.max(whole.trimEnd().length, indent + 1) + 1 };
  }
  const rest = whole.slice(column - 1);
  const length = /^[\w$]+/.exec(rest)?.[0].length ?? 1;
  return { line, column, endLine: line, endColumn: column + length };
}

function place(text: string, offset: number): [number, number] {
  const lines = text.slice(0, offset).split(/\r\n|\n|\r/);
  return [lines.length, lines.at(-1)!.length + 1];
}

/** The lines around a range, with a mark below it. */
export function codeFrame(text: string, range: Range, { colors }: Output): string {
  const lines = text.split(/\r\n|\n|\r/);
  const from = Math.max(1, range.line - AROUND);
  const to = Math.min(lines.length, range.line + AROUND);
  const digits = String(to).length;
  // A long line is shown around the mark.
  const skip = Math.max(0, range.column - WIDEST / 2);
  const shown: string[] = [];
  for (let number = from; number <= to; number++) {
    const line = lines[number - 1]!;
    const here = number === range.line;
    const label = String(number).padStart(digits);
    const content = cells(line.slice(skip, skip + WIDEST));
    shown.push(`${here ? colors.red(">") : " "} ${colors.dim(`${label} |`)} ${content}`.trimEnd());
    if (!here) continue;
    const end = range.endLine === range.line ? range.endColumn : line.length + 1;
    const before = cells(line.slice(skip, range.column - 1)).length;
    const marked = Math.max(1, cells(line.slice(range.column - 1, Math.min(end - 1, skip + WIDEST))).length);
    shown.push(`  ${" ".repeat(digits)} ${colors.dim("|")} ${" ".repeat(before)}${colors.red("^".repeat(marked))}`);
  }
  return shown.join("\n");
}

/** As wide on the screen as it is long. */
function cells(text: string): string {
  return visible(text.replaceAll("\t", "  "));
}

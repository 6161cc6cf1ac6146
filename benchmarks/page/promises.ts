import * as Plot from "@observablehq/plot";
import { digits, format } from "../src/format.ts";
import { type JudgedLine, judge } from "../src/lines.ts";
import { type Summary, summarize } from "../src/statistics.ts";
import { axisMarks, decades, short } from "./axis.ts";
import { result } from "./data.ts";
import { h } from "./dom.ts";
import { figure } from "./figure.ts";

interface Row {
  readonly judged: JudgedLine;
  readonly name: string;
  readonly summary: Summary;
  /** Where the bound is 1 and less is better. */
  readonly use: (value: number) => number;
}

/** Pixels of a line of text, and of what a row has besides. */
const LINE = 16;
const REST = 28;
const LETTER = 6.9;

export function promises(): HTMLElement {
  const judged = judge(result);
  const measured = judged.filter(({ verdict }) => verdict !== "not measured");
  const met = measured.filter(({ verdict }) => verdict === "met").length;
  const open = judged.filter(({ verdict }) => verdict === "not measured");
  const rows = measured.map(rowOf);
  return h(
    "section",
    { id: "promises" },
    h("h2", {}, "Promises of speed"),
    h(
      "p",
      {},
      `${met} of ${measured.length} are met in this run. Each is a ratio to a floor measured beside it, drawn as the part of its bound that it uses up: left of the line is within.`,
    ),
    rows.length === 0 ? undefined : figure("promises", (width) => draw(rows, width)),
    open.length === 0
      ? undefined
      : h(
          "details",
          {},
          h("summary", {}, `${open.length} not measured in this run`),
          h("ul", {}, ...open.map(({ line }) => h("li", {}, `${line.about}: ${line.claim}`))),
        ),
  );
}

function rowOf(judged: JudgedLine): Row {
  const { line, rounds } = judged;
  const use = "atMost" in line.bound ? part(line.bound.atMost) : inverse(line.bound.atLeast);
  return { judged, name: `${line.about}: ${line.claim}`, summary: summarize(rounds)!, use };
}

/** The axis is logarithmic, and a guest may be stopped before its deadline by as much as a timer is early. */
const LEAST = 0.01;
const part = (bound: number) => (value: number) => Math.max(LEAST, value / bound);
const inverse = (bound: number) => (value: number) => bound / value;

function draw(rows: readonly Row[], width: number): Node {
  const at = (row: Row) => row.use(row.summary.median);
  const low = Math.min(0.2, ...rows.map((row) => Math.min(row.use(row.summary.min), row.use(row.summary.max))));
  const high = Math.max(2, ...rows.map((row) => Math.max(row.use(row.summary.min), row.use(row.summary.max))));
  const color = ({ judged }: Row) => (judged.verdict === "met" ? "var(--met)" : "var(--unmet)");
  const captions = new Map(rows.map((row) => [row, wrap(row.name, (width - 130) / LETTER)]));
  const row = REST + LINE * Math.max(...[...captions.values()].map(({ length }) => length));
  /** Pixels from a row's middle to its bar, and to the top of its text. */
  const [bar, top] = [row / 2 - 12, 8 - row / 2];
  return Plot.plot({
    width,
    height: rows.length * row + 50,
    marginLeft: 22,
    marginRight: 22,
    marginTop: 38,
    marginBottom: 12,
    x: { type: "log", domain: [low, high], axis: null },
    y: { domain: rows.map(({ name }) => name), axis: null },
    marks: [
      ...axisMarks("top", decades(low, high, width < 620 ? 3 : 8), 0, "share of the bound", (value) =>
        short(`${digits(value * 100)} %`),
      ),
      Plot.ruleX([1], { stroke: "var(--one)", strokeWidth: 2 }),
      Plot.ruleY(rows, { y: "name", x1: low, x2: at, stroke: color, strokeWidth: 7, strokeOpacity: 0.25, dy: bar }),
      Plot.ruleY(rows, {
        y: "name",
        x1: (row: Row) => row.use(row.summary.min),
        x2: (row: Row) => row.use(row.summary.max),
        stroke: color,
        strokeWidth: 3,
        strokeLinecap: "round",
        dy: bar,
      }),
      Plot.dot(rows, { y: "name", x: at, fill: color, r: 5, dy: bar }),
      Plot.text(rows, {
        ...HALO,
        y: "name",
        frameAnchor: "left",
        text: mark,
        textAnchor: "start",
        fill: color,
        fontWeight: 700,
        lineAnchor: "top",
        dy: top,
      }),
      Plot.text(rows, {
        ...HALO,
        y: "name",
        frameAnchor: "left",
        text: (row: Row) => captions.get(row)!.join("\n"),
        textAnchor: "start",
        dx: 16,
        lineAnchor: "top",
        dy: top,
      }),
      Plot.text(rows, {
        ...HALO,
        y: "name",
        frameAnchor: "right",
        text: (row: Row) => format(row.summary.median, row.judged.line.unit),
        textAnchor: "end",
        fontWeight: 700,
        lineAnchor: "top",
        dy: top,
      }),
      Plot.tip(rows, Plot.pointerY({ y: "name", x: at, title: describe })),
    ],
  });
}

/** Lines behind a text do not strike it through. */
const HALO = { fill: "currentColor", stroke: "var(--card)", strokeWidth: 5 };

const mark = ({ judged }: Row) => (judged.verdict === "met" ? "✓" : "✗");

/** The text in lines of at most so many letters, broken between words. */
function wrap(text: string, letters: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= letters) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function describe({ judged: { line }, summary }: Row): string {
  const [word, bound] = "atMost" in line.bound ? ["at most", line.bound.atMost] : ["at least", line.bound.atLeast];
  return [
    `${line.about}: ${line.claim}`,
    `measured ${format(summary.median, line.unit)}, promised ${word} ${format(bound, line.unit)}`,
    `${summary.count} rounds, from ${format(summary.min, line.unit)} to ${format(summary.max, line.unit)}`,
  ].join("\n");
}

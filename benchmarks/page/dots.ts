import * as Plot from "@observablehq/plot";
import { format } from "../src/format.ts";
import type { MetricInfo } from "../src/result.ts";
import { axisOf } from "./axis.ts";
import type { Point } from "./data.ts";
import { colorOf, SYMBOLS } from "./looks.ts";

const ROW = 22;
/** Below this width a row's name stands over its line and not before it. */
const NARROW = 620;
const NARROW_ROW = 40;
/** Pixels of a letter, about, and of the longest name that is given room. */
const LETTER = 6.9;
const LONGEST = 310;

/** One row a subject, best first: the median as a mark, the rounds as a line. */
export function dots(points: readonly Point[], metric: MetricInfo, width: number): Node | undefined {
  if (points.length === 0) return undefined;
  const narrow = width < NARROW;
  const rows = [...points].sort((a, b) => sign(metric) * (a.summary.median - b.summary.median));
  const domain = rows.map(({ subject }) => subject.title);
  const values = rows.flatMap(({ summary }) => [summary.min, summary.max]);
  const axis = axisOf(values, metric, { side: "top", label: metric.title, count: narrow ? 4 : 8 });
  return Plot.plot({
    width,
    height: rows.length * (narrow ? NARROW_ROW : ROW) + 74,
    marginLeft: narrow ? 26 : Math.min(LONGEST, 24 + LETTER * Math.max(...domain.map(({ length }) => length))),
    marginRight: 72,
    marginTop: narrow ? 50 : 40,
    marginBottom: 24,
    x: axis.scale,
    y: { domain, axis: null, padding: 0.3 },
    marks: [
      ...axis.marks,
      ...(metric.unit === "×" && Math.min(...values) < 1.5
        ? [Plot.ruleX([1], { stroke: "var(--one)", strokeWidth: 1.5 })]
        : []),
      Plot.ruleY(rows, {
        y: title,
        x1: ({ summary }) => summary.min,
        x2: ({ summary }) => summary.max,
        stroke: color,
        strokeWidth: 3,
        strokeOpacity: 0.35,
        strokeLinecap: "round",
      }),
      Plot.dot(rows, { y: title, x: middle, fill: color, symbol, r: 4.5 }),
      Plot.text(rows, {
        y: title,
        x: ({ summary }) => summary.max,
        text: (point: Point) => format(point.summary.median, metric.unit),
        textAnchor: "start",
        dx: 9,
        fill: "var(--muted)",
        fontVariant: "tabular-nums",
      }),
      // Engines stand out from what they are compared with.
      ...[true, false].map((engines) =>
        Plot.text(
          rows.filter(({ subject }) => (subject.kind === "engine") === engines),
          {
            y: title,
            frameAnchor: "left",
            text: title,
            fontWeight: engines ? 600 : 400,
            ...(narrow ? { textAnchor: "start", dy: -15 } : { textAnchor: "end", dx: -10 }),
          },
        ),
      ),
      Plot.tip(rows, Plot.pointerY({ y: title, x: middle, title: (point: Point) => describe(point, metric) })),
    ],
  });
}

/** What a pointer is told. */
export function describe({ subject, size, summary }: Point, metric: MetricInfo): string {
  const show = (value: number) => format(value, metric.unit);
  return [
    subject.title + (size === "" ? "" : `, ${size}`),
    `${metric.title}: ${show(summary.median)}`,
    `${summary.count} rounds, from ${show(summary.min)} to ${show(summary.max)}`,
  ].join("\n");
}

const title = ({ subject }: Point) => subject.title;
const middle = ({ summary }: Point) => summary.median;
const color = ({ subject }: Point) => colorOf(subject);
const symbol = ({ subject }: Point) => SYMBOLS[subject.placement];

function sign({ better }: MetricInfo): number {
  return better === "lower" ? 1 : -1;
}

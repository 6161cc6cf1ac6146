import * as Plot from "@observablehq/plot";
import { formatBytes, formatCount } from "../src/format.ts";
import type { MetricInfo, SubjectInfo } from "../src/result.ts";
import { axisMarks, axisOf, scaleOf, short } from "./axis.ts";
import type { Point } from "./data.ts";
import { h } from "./dom.ts";
import { describe } from "./dots.ts";
import { colorOf, DASHES, SYMBOLS } from "./looks.ts";

const NARROW = 620;
const HEIGHT = 480;
/** Pixels that a name at the end of a line needs. */
const NAME = 14;

/** Lines that can be told apart in one plot. */
const MOST_LINES = 8;

/** One line a subject over sizes, both axes logarithmic where that is of use; the names of what is left out stand below. */
export function curves(
  points: readonly Point[],
  metric: MetricInfo,
  sizeTitle: string,
  width: number,
): Node | undefined {
  const subjects = [...new Set(points.map(({ subject }) => subject))].sort((a, b) => rank(a) - rank(b));
  const drawn = subjects.slice(0, MOST_LINES);
  const plot = plotOf(
    points.filter(({ subject }) => drawn.includes(subject)),
    metric,
    sizeTitle,
    width,
  );
  if (plot === undefined) return undefined;
  const left = subjects.length - drawn.length;
  return h(
    "div",
    {},
    plot,
    width < NARROW ? h("p", { class: "lines" }, ...drawn.map(nameOf)) : undefined,
    left > 0
      ? h("p", { class: "lines" }, `${left} more are in the table below; the switches above choose what is drawn.`)
      : undefined,
  );
}

/** Engines on the calling thread and the peers first, floors last. */
function rank({ kind, placement, primary }: SubjectInfo): number {
  if (kind === "floor") return 4;
  if (kind === "peer") return 1;
  return primary ? (placement === "inline" ? 0 : 2) : 3;
}

function nameOf(subject: SubjectInfo): HTMLElement {
  return h("span", { style: `color: ${colorOf(subject)}` }, `${MARKS[subject.placement]} ${subject.title}`);
}

/** As a letter, where a line's name stands below the plot. */
const MARKS = { inline: "●", thread: "▲", process: "■" } as const;

function plotOf(
  points: readonly Point[],
  metric: MetricInfo,
  sizeTitle: string,
  width: number,
): (SVGSVGElement | HTMLElement) | undefined {
  if (points.length === 0) return undefined;
  const narrow = width < NARROW;
  const sorted = [...points].sort((a, b) => Number(a.size) - Number(b.size));
  const ends = [...new Map(sorted.map((point) => [point.subject.id, point])).values()];
  const sizes = [...new Set(sorted.map(size))];
  const axis = axisOf(sorted.map(middle), metric, { side: "left", label: `↑ ${metric.title}`, count: 8 });
  return Plot.plot({
    width,
    height: narrow ? 420 : HEIGHT,
    marginLeft: 64,
    marginRight: narrow ? 32 : 275,
    marginTop: 34,
    marginBottom: 40,
    x: { type: "log", axis: null },
    y: axis.scale,
    marks: [
      ...axis.marks,
      ...axisMarks("bottom", sizes, 0, `${sizeTitle} →`, (value) => sizeText(value, sizeTitle)),
      ...(metric.unit === "×" && Math.min(...sorted.map(middle)) < 1.5
        ? [Plot.ruleY([1], { stroke: "var(--one)", strokeWidth: 1.5 })]
        : []),
      ...grouped(sorted).map((line) => {
        const { subject } = line[0]!;
        return Plot.line(line, {
          x: size,
          y: middle,
          stroke: colorOf(subject),
          strokeWidth: subject.kind === "engine" ? 2 : 1.25,
          strokeDasharray: DASHES[subject.placement],
          strokeOpacity: subject.kind === "engine" ? 1 : 0.7,
        });
      }),
      Plot.dot(sorted, {
        x: size,
        y: middle,
        fill: (point: Point) => colorOf(point.subject),
        symbol: (point: Point) => SYMBOLS[point.subject.placement],
        r: 3.5,
      }),
      ...(narrow
        ? []
        : [
            Plot.text(apart(ends, sorted), {
              x: ({ point }) => size(point),
              y: "at",
              text: ({ point }) => point.subject.title,
              textAnchor: "start",
              dx: 10,
              fill: ({ point }) => colorOf(point.subject),
            }),
          ]),
      Plot.tip(sorted, Plot.pointer({ x: size, y: middle, title: (point: Point) => describe(point, metric) })),
    ],
  });
}

function grouped(points: readonly Point[]): Point[][] {
  const groups = new Map<string, Point[]>();
  for (const point of points) groups.set(point.subject.id, [...(groups.get(point.subject.id) ?? []), point]);
  return [...groups.values()];
}

/** Names at the ends of lines, moved so far apart that they can be read. The scale may reach a little further than its values. */
function apart(ends: readonly Point[], all: readonly Point[]): { point: Point; at: number }[] {
  const values = all.map(middle);
  const log = scaleOf(values) === "log";
  const forth = log ? Math.log : (value: number) => value;
  const back = log ? Math.exp : (value: number) => value;
  const sorted = [...ends].sort((a, b) => middle(a) - middle(b));
  const extent = forth(Math.max(...values)) - forth(Math.min(...values)) || 1;
  const step = (extent * NAME) / (HEIGHT - 74);
  let last = Number.NEGATIVE_INFINITY;
  return sorted.map((point) => {
    last = Math.max(forth(middle(point)), last + step);
    return { point, at: back(last) };
  });
}

function sizeText(value: number, title: string): string {
  return short(title === "bytes" ? formatBytes(value) : formatCount(value));
}

const size = (point: Point) => Number(point.size);
const middle = ({ summary }: Point) => summary.median;

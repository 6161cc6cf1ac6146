import * as Plot from "@observablehq/plot";
import { formatBytes } from "../src/format.ts";
import type { InstalledSize } from "../src/result.ts";
import { axisMarks, short } from "./axis.ts";
import { result } from "./data.ts";
import { h } from "./dom.ts";
import { figure } from "./figure.ts";

const ROW = 26;
const NARROW = 620;

/** What each package takes on disk. */
export function installed(): HTMLElement | undefined {
  if (result.installed.length === 0) return undefined;
  const rows = [...result.installed].sort((a, b) => a.totalBytes - b.totalBytes);
  return h(
    "section",
    { id: "installed" },
    h("h2", {}, "Size on disk"),
    h("p", {}, "What an installation of each package brings: its own files, and with the packages that it depends on."),
    figure("installed", (width) => draw(rows, width)),
  );
}

function draw(rows: readonly InstalledSize[], width: number): Node {
  const narrow = width < NARROW;
  const fill = ({ kind }: InstalledSize) => (kind === "peer" ? "var(--peer)" : "var(--native)");
  const most = Math.max(...rows.map(({ totalBytes }) => totalBytes));
  const ticks = [0, ...(narrow ? [5, 50, 500] : [1, 5, 20, 50, 100, 200, 500])]
    .map((mebibytes) => mebibytes * 1024 ** 2)
    .filter((bytes) => bytes <= most);
  return Plot.plot({
    width,
    height: rows.length * (narrow ? 40 : ROW) + 50,
    marginLeft: narrow ? 16 : 220,
    marginRight: 70,
    marginTop: 38,
    x: { type: "sqrt", domain: [0, most], axis: null },
    y: { domain: rows.map(({ name }) => name), axis: null, padding: narrow ? 0.6 : 0.3 },
    marks: [
      ...axisMarks("top", ticks, 0, "on disk", (value) => short(formatBytes(value))),
      Plot.barX(rows, { y: "name", x: "totalBytes", fill, fillOpacity: 0.35, rx2: 3 }),
      Plot.barX(rows, { y: "name", x: "ownBytes", fill, rx2: 3 }),
      Plot.text(rows, {
        y: "name",
        x: "totalBytes",
        text: ({ totalBytes }) => formatBytes(totalBytes),
        textAnchor: "start",
        dx: 6,
        fill: "var(--muted)",
      }),
      Plot.text(rows, {
        y: "name",
        frameAnchor: "left",
        text: "name",
        ...(narrow ? { textAnchor: "start", dy: -17 } : { textAnchor: "end", dx: -10 }),
      }),
      Plot.tip(
        rows,
        Plot.pointerY({
          y: "name",
          x: "totalBytes",
          title: (row: InstalledSize) =>
            `${row.name}\nown files ${formatBytes(row.ownBytes)}\nwith its ${row.packages - 1} dependencies ${formatBytes(row.totalBytes)}`,
        }),
      ),
    ],
  });
}

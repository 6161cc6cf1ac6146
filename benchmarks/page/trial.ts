import { format } from "../src/format.ts";
import type { MetricInfo, TrialInfo } from "../src/result.ts";
import { curves } from "./curves.ts";
import { hasPoints, pointsOf, sizesOf } from "./data.ts";
import { h } from "./dom.ts";
import { dots } from "./dots.ts";
import { choice, figure } from "./figure.ts";
import { isShown } from "./filter.ts";

/** A trial with its plot, a choice of metrics, and the figures as a table. */
export function trialSection(trial: TrialInfo): HTMLElement {
  const metrics = trial.metrics.filter(({ id }) => hasPoints(trial.id, id));
  const sizes = sizesOf(trial.id);
  const first = metrics.find(({ unit }) => unit === "×") ?? metrics[0]!;
  const metric = choice(
    "What is plotted",
    ordered(metrics, first).map(({ id, title }) => [id, title] as const),
  );
  const size = choice(
    trial.size ?? "size",
    sizes.map((each) => [each, each] as const),
  );
  const chosen = () => metrics.find(({ id }) => id === metric.value())!;
  const named = sizes.some((each) => !/^\d*$/.test(each));
  const draw = (width: number) => {
    const points = pointsOf(trial.id, chosen().id).filter(({ subject }) => isShown(subject));
    if (sizes.length === 1 || named)
      return dots(
        points.filter((point) => point.size === (named ? size.value() : sizes[0])),
        chosen(),
        width,
      );
    return curves(points, chosen(), trial.size ?? "", width);
  };
  return h(
    "section",
    { id: trial.id },
    h("h2", {}, trial.title),
    h("p", {}, trial.what + (sizes.length === 1 && sizes[0] !== "" ? ` In this run: ${sizes[0]} ${trial.size}.` : "")),
    figure(
      trial.id,
      draw,
      ...(metrics.length > 1 ? [metric.element] : []),
      ...(named && sizes.length > 1 ? [size.element] : []),
    ),
    figures(trial, metrics, sizes),
  );
}

function ordered(metrics: readonly MetricInfo[], first: MetricInfo): MetricInfo[] {
  return [first, ...metrics.filter((metric) => metric !== first)];
}

/** Every median, for those who look for one figure, and for readers of screens. */
function figures(trial: TrialInfo, metrics: readonly MetricInfo[], sizes: readonly string[]): HTMLElement {
  const table = h(
    "table",
    {},
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", {}, ""),
        ...(trial.size ? [h("th", {}, trial.size)] : []),
        ...metrics.map(({ title }) => h("th", {}, title)),
      ),
    ),
  );
  const body = h("tbody");
  const byMetric = new Map(metrics.map(({ id }) => [id, pointsOf(trial.id, id)]));
  const subjects = new Set([...byMetric.values()].flat().map(({ subject }) => subject));
  for (const subject of subjects)
    for (const size of sizes) {
      const cells = metrics.map(({ id, unit }) => {
        const point = byMetric.get(id)!.find((each) => each.subject === subject && each.size === size);
        return h("td", {}, point === undefined ? "–" : format(point.summary.median, unit));
      });
      if (cells.some((cell) => cell.textContent !== "–"))
        body.append(h("tr", {}, h("th", {}, subject.title), ...(trial.size ? [h("td", {}, size)] : []), ...cells));
    }
  table.append(body);
  return h("details", {}, h("summary", {}, "Figures"), h("div", { class: "scroll" }, table));
}

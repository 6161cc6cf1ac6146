import * as Plot from "@observablehq/plot";
import { format } from "../src/format.ts";
import type { MetricInfo } from "../src/result.ts";

/** Logarithmic where the values are far apart; zero and less have no place on such a scale. */
export function scaleOf(values: readonly number[]): "log" | "linear" {
  const least = Math.min(...values);
  return least > 0 && Math.max(...values) / least > 12 ? "log" : "linear";
}

/** A scale over values, and the marks of its axis with about so many ticks, named in the metric's unit. */
export function axisOf(
  values: readonly number[],
  { unit }: Pick<MetricInfo, "unit">,
  { side, label, count }: { side: "top" | "left"; label: string; count: number },
) {
  const scale =
    scaleOf(values) === "linear"
      ? ({ type: "linear", nice: true, axis: null } as const)
      : ({ type: "log", domain: [Math.min(...values) * 0.9, Math.max(...values) * 1.1], axis: null } as const);
  const ticks = scale.type === "log" ? decades(scale.domain[0]!, scale.domain[1]!, count) : undefined;
  return { scale, marks: axisMarks(side, ticks, count, label, (value) => short(format(value, unit))) };
}

/** Ticks that are given by hand keep their names: a logarithmic scale would leave some of them out. */
export function axisMarks(
  side: "top" | "left" | "bottom",
  ticks: readonly number[] | undefined,
  count: number,
  label: string,
  name: (value: number) => string,
): Plot.Markish[] {
  const looks = { label, tickSize: 4 };
  if (ticks === undefined) {
    const usual = { ...looks, ticks: count, tickFormat: name };
    if (side === "left") return [Plot.gridY({ ticks: count }), Plot.axisY({ ...usual, anchor: side })];
    return [Plot.gridX({ ticks: count }), Plot.axisX({ ...usual, anchor: side })];
  }
  const named = { ...looks, text: (value: number) => name(value) };
  if (side === "left") return [Plot.gridY(ticks), Plot.axisY(ticks, { ...named, anchor: side })];
  return [Plot.gridX(ticks), Plot.axisX(ticks, { ...named, anchor: side })];
}

/** Powers of ten between two values, every second or third where they are many, and halves of decades where they are few. */
export function decades(low: number, high: number, count: number): number[] {
  const [from, to] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
  const step = Math.max(1, Math.ceil((to - from + 1) / count));
  const powers: number[] = [];
  for (let power = from; power <= to; power += step) powers.push(10 ** power);
  if (powers.length > count / 2) return powers;
  const between = count >= 8 ? [2, 5] : [3];
  const more = [from - 1, ...powers.map(Math.log10)].flatMap((power) => between.map((times) => times * 10 ** power));
  return [...powers, ...more].filter((tick) => tick >= low && tick <= high).sort((a, b) => a - b);
}

/** `1.00 ×` on an axis is `1 ×`. */
export function short(text: string): string {
  return text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");
}

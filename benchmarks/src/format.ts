import type { Unit } from "./result.ts";

/** A figure with three digits that count and the unit that makes it short. */
export function format(value: number, unit: Unit): string {
  switch (unit) {
    case "ns":
      return formatTime(value);
    case "ms":
      return formatTime(value * 1e6);
    case "bytes":
      return formatBytes(value);
    case "per second":
      return `${formatCount(value)}/s`;
    case "×":
      return `${digits(value)} ×`;
  }
}

/** `1.05–1.12`, without the sign of a ratio. */
export function formatSpan(from: number, to: number, unit: Unit): string {
  if (unit === "×") return `${digits(from)}–${digits(to)}`;
  return `${format(from, unit)}–${format(to, unit)}`;
}

export function formatTime(ns: number): string {
  const size = Math.abs(ns);
  if (size < 1e3) return `${digits(ns)} ns`;
  if (size < 1e6) return `${digits(ns / 1e3)} µs`;
  if (size < 1e9) return `${digits(ns / 1e6)} ms`;
  return `${digits(ns / 1e9)} s`;
}

export function formatBytes(bytes: number): string {
  const size = Math.abs(bytes);
  if (size < 1024) return `${digits(bytes)} B`;
  if (size < 1024 ** 2) return `${digits(bytes / 1024)} KiB`;
  if (size < 1024 ** 3) return `${digits(bytes / 1024 ** 2)} MiB`;
  return `${digits(bytes / 1024 ** 3)} GiB`;
}

export function formatCount(count: number): string {
  if (count < 10_000) return digits(count);
  if (count < 1e6) return `${digits(count / 1e3)} k`;
  return `${digits(count / 1e6)} M`;
}

/** Three digits that count, and never more than the integer part of what is larger. */
export function digits(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString("en");
  return value.toFixed(size >= 10 ? 1 : size >= 0.995 ? 2 : Math.min(4, 2 - Math.floor(Math.log10(size))));
}

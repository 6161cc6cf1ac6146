import type { Rounds } from "./statistics.ts";

/** The file that a run leaves: everything that the report, the page and the comparison are made from. */

export const RESULT_SCHEMA = 1;

export type Unit = "ns" | "ms" | "per second" | "×" | "bytes";

export type SubjectKind = "engine" | "floor" | "peer";
export type Language = "javascript" | "python" | "wasm";
export type Placement = "inline" | "thread" | "process";

/** Something that is measured. */
export interface SubjectInfo {
  /** Stable between runs and machines: what the comparison goes by. */
  readonly id: string;
  readonly title: string;
  readonly kind: SubjectKind;
  readonly language: Language;
  readonly placement: Placement;
  /** The runtime's name, of engines. */
  readonly engine?: string | undefined;
  /** Stands for its engine in every trial; others only where variants are asked for. */
  readonly primary: boolean;
  /** The page of the documentation that its use follows, of peers. */
  readonly page?: string | undefined;
  readonly capabilities?: CapabilityFlags | undefined;
}

export interface CapabilityFlags {
  readonly sync: boolean;
  readonly async: boolean;
  readonly abort: boolean;
  readonly hardSandbox?: boolean | undefined;
  readonly crashIsolation?: boolean | undefined;
  readonly memoryLimit?: boolean | undefined;
  readonly parallel?: boolean | undefined;
  readonly deadline?: string | false | undefined;
}

export interface Missing {
  readonly id: string;
  readonly title: string;
  readonly reason: string;
}

export interface MetricInfo {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  readonly better: "lower" | "higher";
}

export interface TrialInfo {
  readonly id: string;
  readonly title: string;
  /** One sentence: what is done, and what a row means. */
  readonly what: string;
  /** What a size is, where the trial has sizes: `calls at once`. */
  readonly size?: string | undefined;
  readonly metrics: readonly MetricInfo[];
}

/** One subject in one trial at one size: for each metric a value a round. */
export interface Cell {
  readonly trial: string;
  readonly subject: string;
  readonly size: string;
  readonly metrics: Readonly<Record<string, Rounds>>;
}

export interface Failure {
  readonly trial: string;
  readonly subject: string;
  readonly size: string;
  readonly reason: string;
  /** Rounds that failed for it. */
  readonly rounds: number;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly os: string;
  readonly arch: string;
  /** Load average over a minute, before the run and after it. */
  readonly load: readonly [number, number];
}

/** Where the time of one job goes, from V8's sampling profiler. */
export interface Profile {
  readonly line: string;
  readonly subject: string;
  /** What was called, with its share of the samples. */
  readonly top: readonly { readonly where: string; readonly share: number }[];
}

export interface RunResult {
  readonly schema: typeof RESULT_SCHEMA;
  readonly date: string;
  readonly commit: string;
  /** Files of the working tree differed from the commit. */
  readonly dirty: boolean;
  readonly quick: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly subjects: readonly SubjectInfo[];
  readonly missing: readonly Missing[];
  readonly trials: readonly TrialInfo[];
  readonly cells: readonly Cell[];
  readonly failures: readonly Failure[];
  /** Jobs that a quick run had no time for. */
  readonly leftOut: number;
  /** Bytes on disk of each package with all that it depends on. */
  readonly installed: readonly InstalledSize[];
  readonly profiles: readonly Profile[];
}

export interface InstalledSize {
  readonly name: string;
  readonly version: string;
  readonly kind: "engine" | "peer";
  /** Its own files, as they are published. */
  readonly ownBytes: number;
  /** Those, and of everything that an installation of it brings along. */
  readonly totalBytes: number;
  readonly packages: number;
}

/** The rounds of a metric, or `undefined` where it was not measured. */
export function rounds(
  result: Pick<RunResult, "cells">,
  trial: string,
  subject: string,
  size: string,
  metric: string,
): Rounds | undefined {
  return result.cells.find((cell) => cell.trial === trial && cell.subject === subject && cell.size === size)?.metrics[
    metric
  ];
}

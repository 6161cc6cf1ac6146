import type { TrialInfo } from "../result.ts";
import type { SubjectSpec } from "../subjects/subject.ts";

/** One thing that is measured, of any subject. It runs in a process that measures nothing else. */
export interface Trial {
  readonly info: TrialInfo;
  /** One job each. A trial without sizes has the one size `""`. */
  readonly sizes: readonly string[];
  /** Of a quick run; none leaves the trial out. */
  readonly quickSizes: readonly string[];
  /** Fewer rounds than the run's, for what takes long. */
  readonly maxRounds?: number;
  /** Whether the subject has a place in it. What it turns out to be unable to do, it says itself when it runs. */
  includes(spec: SubjectSpec): boolean;
  run(context: TrialContext): Promise<Readings>;
}

export interface TrialContext {
  readonly spec: SubjectSpec;
  readonly size: string;
  readonly measureMs: number;
  readonly warmUpMs: number;
}

/** By the metric's name. Times are in nanoseconds, sizes in bytes. */
export type Readings = Record<string, number>;

/** Thrown by a trial for a subject that has nothing to measure there; the reason is reported once, and is no failure. */
export class Unfit extends Error {}

/** The payload of every trial that does not say otherwise: 38 bytes. */
export const PAYLOAD = '{"email":" Ada@Example.COM ","age":36}';
export const ANSWER = { ok: true, email: "ada@example.com", age: 36 };

/** Engines as they stand for themselves, the floors and the peers. */
export function isPrimary({ primary }: SubjectSpec): boolean {
  return primary;
}

export function isEngine({ kind, primary }: SubjectSpec): boolean {
  return kind === "engine" && primary;
}

/** And every mode of every CPython, where they differ in more than a call's own cost. */
export function isPrimaryOrPython({ primary, engine }: SubjectSpec): boolean {
  return primary || engine === "pyvm";
}

import type { Cell, RunResult, SubjectInfo } from "../src/result.ts";
import { TRIALS } from "../src/trials/index.ts";

/** A result that looks like one of a run, for the tests of what is made from results. */

export const NATIVE: SubjectInfo = engine("native");
export const BARE: SubjectInfo = {
  ...engine("bare-js"),
  title: "bare JavaScript loop",
  kind: "floor",
  engine: undefined,
};
export const PEER: SubjectInfo = { ...engine("piscina"), kind: "peer", engine: undefined, placement: "thread" };

export function engine(id: string): SubjectInfo {
  return { id, title: id, kind: "engine", engine: id, language: "javascript", placement: "inline", primary: true };
}

export function cell(trial: string, subject: string, size: string, metrics: Cell["metrics"]): Cell {
  return { trial, subject, size, metrics };
}

export function makeResult(cells: readonly Cell[], more: Partial<RunResult> = {}): RunResult {
  return {
    schema: 1,
    date: "2026-01-02T03:04:05.000Z",
    commit: "0123456789ab",
    dirty: false,
    quick: false,
    rounds: 3,
    seconds: 61,
    machine: { cpu: "Test CPU", cores: 2, memoryBytes: 2 ** 34, os: "Test OS", arch: "x64", load: [0.1, 0.2] },
    versions: { node: "20.0.0" },
    subjects: [NATIVE, BARE, PEER],
    missing: [],
    trials: TRIALS.map(({ info }) => info).filter(({ id }) => cells.some(({ trial }) => trial === id)),
    cells,
    failures: [],
    leftOut: 0,
    installed: [],
    profiles: [],
    ...more,
  };
}

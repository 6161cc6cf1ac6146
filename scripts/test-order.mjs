// Order of the test files: the longest first, so that no core is idle at the end while one file runs on.
import { BaseSequencer } from "vitest/node";

/** Seconds on two cores, roughly, by a part of the path; files that are not named take a few. */
const SECONDS = [
  ["chaos/chaos.test", 120],
  ["conformance/test/generated-liars.test", 100],
  ["pyvm/test/conformance-", 90],
  ["conformance/test/liars.test", 80],
  ["test/conformance-", 70],
  ["conformance/test/broken.test", 60],
  ["conformance/test/runners.test", 45],
  ["simulation/simulation.test", 45],
  ["pyvm/test/endurance.test", 35],
  ["test/examples.test", 35],
  ["placement/left-behind.test", 30],
  ["conformance/test/honest.test", 25],
  ["test/hostile-answers.test", 25],
  ["v8/test/exit.test", 25],
  ["v8/test/load.test", 25],
  ["test/placement/", 10],
  ["packages/pyvm/test/", 6],
  ["packages/v8/test/", 6],
];

/** What the `test` script of a package leaves to the root's, as globs. */
export const LONG = SECONDS.filter(([, seconds]) => seconds >= 30).map(([part]) => `**/${part}*`);

function seconds({ moduleId }) {
  return SECONDS.find(([part]) => moduleId.includes(part))?.[1] ?? 1;
}

export default class LongestFirst extends BaseSequencer {
  async sort(files) {
    return [...files].sort((a, b) => seconds(b) - seconds(a) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}

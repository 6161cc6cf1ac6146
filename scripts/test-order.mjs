// Order of the test files: the longest first, so that no core is idle at the end while one file runs on.
import { BaseSequencer } from "vitest/node";

/** Seconds on two cores, roughly, by a part of the path; files that are not named take a few. */
const SECONDS = [
  ["conformance/test/conformance-process", 120],
  ["pyvm/test/conformance-inline", 100],
  ["pywasm/test/conformance-inline", 90],
  ["conformance/test/generated-liars.test", 100],
  ["conformance/test/liars.test", 100],
  ["pyvm/test/conformance-process", 90],
  ["chaos/chaos.test", 80],
  ["test/conformance-process", 70],
  ["conformance/test/conformance-thread", 65],
  ["conformance/test/broken.test", 65],
  ["test/conformance-", 50],
  ["quickjs/test/hostile-answers.test", 50],
  ["pyvm/test/endurance.test", 35],
  ["placement/left-behind.test", 35],
  ["test/examples.test", 35],
  ["v8/test/exit.test", 35],
  ["v8/test/load.test", 30],
  ["placement/large-payloads.test", 30],
  ["placement/sandbox-view.test", 30],
  ["conformance/test/runners.test", 30],
  ["placement/crash.test", 28],
  ["placement/log-delivery.test", 28],
  ["simulation/simulation.test", 25],
  ["pyvm/test/hazards.test", 25],
  ["conformance/test/honest.test", 24],
  ["placement/locale.test", 24],
  ["v8/test/limits.test", 22],
  ["test/hostile-answers.test", 10],
  ["pyvm/test/placement.test", 10],
  ["pyvm/test/neighbour.test", 10],
  ["pyvm/test/locks.test", 10],
  ["extruntime/test/memory.test", 14],
  ["test/placement/", 10],
  ["packages/guest/test/sdks.test", 30],
  ["packages/cli/test/init.test", 25],
  ["packages/cli/test/", 10],
  ["packages/pyvm/test/", 6],
  ["packages/v8/test/", 6],
];

/** What the `test` script of a package leaves to the root's, as globs. */
export const LONG = SECONDS.filter(([, seconds]) => seconds >= 28).map(([part]) => `**/${part}*`);

function seconds({ moduleId }) {
  return SECONDS.find(([part]) => moduleId.includes(part))?.[1] ?? 1;
}

export default class LongestFirst extends BaseSequencer {
  async sort(files) {
    return [...files].sort((a, b) => seconds(b) - seconds(a) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}

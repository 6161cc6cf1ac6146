// Order of the test files: the longest first, so that no core is idle at the end while one file runs on.
import { BaseSequencer } from "vitest/node";

/** Seconds on two cores, roughly; files that are not named take a few. Only the order counts. */
const SECONDS = [
  [/conformance\/test\/generated-liars\.test\.ts$/, 150],
  [/pyvm\/test\/conformance-/, 130],
  [/chaos\/chaos\.test\.ts$/, 120],
  [/\/test\/conformance-/, 100],
  [/conformance\/test\/(liars|broken)\.test\.ts$/, 90],
  [/conformance\/test\/(honest|runners)\.test\.ts$/, 55],
  [/(pyvm\/test\/endurance|v8\/test\/load|simulation\/simulation)\.test\.ts$/, 50],
  [/(test\/examples|placement\/left-behind|v8\/test\/(limits|exit)|test\/hostile-answers)\.test\.ts$/, 30],
  [/\/test\/placement\/|\/conformance\/test\//, 10],
  [/packages\/(pyvm|v8)\/test\//, 6],
];

function seconds({ moduleId }) {
  return SECONDS.find(([pattern]) => pattern.test(moduleId))?.[1] ?? 1;
}

export default class LongestFirst extends BaseSequencer {
  async sort(files) {
    return [...files].sort((a, b) => seconds(b) - seconds(a) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}

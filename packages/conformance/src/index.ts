/**
 * `@extruntime/conformance`: the tests that every engine passes as its first. See docs/conformance.md.
 */

import type { Facts } from "./facts/facts.ts";
import { type ConformanceReport, Reporter } from "./report/report.ts";
import { type ConformanceSetup, makePlan, type Plan } from "./setup/setup.ts";
import { type ListedGroup, listTests } from "./suite/test-list.ts";
import { type Outcome, TestProcess } from "./test-process/child-process.ts";
import type { FailureText } from "./test-process/messages.ts";

export type { Escape } from "./escapes/escape.ts";
export type { Canary } from "./host/canary.ts";
export type { ConformanceReport, PromiseResult, TestResult } from "./report/report.ts";
export { formatReport } from "./report/report-table.ts";
export type { PromiseName } from "./setup/promises.ts";
export type { ConformanceSetup, LanguageTraits, Location } from "./setup/setup.ts";
export type { KitGuest } from "./sources/kit-guest.ts";

/** The functions of a test framework. Those of Vitest and `node:test` fit as they are. */
export interface TestApi {
  /** Groups the tests that `define` makes. */
  describe(name: string, define: () => void): unknown;
  /** `timeout` is in milliseconds. */
  it(name: string, options: { timeout: number }, run: () => Promise<void>): unknown;
}

/** Milliseconds beyond a test's patience for starting its process. */
const START_MS = 150_000;

/**
 * Defines the tests that an engine's declared capabilities call for. To be awaited at the top level of a test file:
 *
 *     await conformance({ engine: new URL("../dist/index.js", import.meta.url), guests: new URL("./guests/", import.meta.url) }, { describe, it });
 *
 * Each test runs in a child process, so a guest that hangs or crashes fails a test and nothing else.
 *
 * @throws TypeError for a setup that is not as it must be; Error where the engine cannot be imported or made.
 */
export async function conformance(setup: ConformanceSetup, api: TestApi): Promise<void> {
  const plan = makePlan(setup);
  const process = new TestProcess(plan);
  const facts = await process.facts();
  api.describe(titleOf(facts), () => {
    for (const group of listTests(facts)) define(group, plan, process, api);
  });
}

/** Runs the same tests without a framework. `onResult` is told of each test as it ends. */
export async function runConformance(
  setup: ConformanceSetup,
  onResult: (result: ConformanceReport["tests"][number]) => void = () => {},
): Promise<ConformanceReport> {
  const process = new TestProcess(makePlan(setup));
  try {
    const facts = await process.facts();
    const reporter = new Reporter(facts);
    for (const group of listTests(facts))
      for (const test of group.tests) onResult(reporter.add(group.title, test, await process.run(test.id, test)));
    return reporter.report();
  } finally {
    await process.close();
  }
}

function define(group: ListedGroup, plan: Plan, process: TestProcess, { describe, it }: TestApi): void {
  describe(group.title, () => {
    for (const test of group.tests) {
      const timeout = plan.patienceMs * (test.patience ?? 1) + START_MS;
      it(test.name, { timeout }, async () => throwFailure(await process.run(test.id, test)));
    }
  });
}

function throwFailure({ failure }: Outcome): void {
  if (failure !== undefined) throw new ConformanceFailure(failure);
}

/** A promise that is broken. Its stack is the one in the child process. */
class ConformanceFailure extends Error {
  override readonly name = "ConformanceFailure";

  constructor({ message, stack }: FailureText) {
    super(message);
    if (stack !== "") this.stack = stack;
  }
}

function titleOf(facts: Facts): string {
  return `conformance of ${facts.name}, placed ${facts.placement}`;
}

import type { Facts, Subject } from "../facts/facts.ts";
import { capabilityGroup } from "../groups/calls/capabilities.ts";
import { freshCallsGroup } from "../groups/calls/fresh-calls.ts";
import { outputGroup } from "../groups/calls/output.ts";
import { overlapGroup } from "../groups/calls/overlap.ts";
import { parallelGroup } from "../groups/calls/parallel.ts";
import { queueGroup } from "../groups/calls/queue.ts";
import { sourceRunGroup } from "../groups/calls/source-runs.ts";
import { statisticsGroup } from "../groups/calls/statistics.ts";
import { syncGroup } from "../groups/calls/sync.ts";
import { conversationGroup } from "../groups/conversation/conversation.ts";
import { hostFunctionGroup } from "../groups/host-functions/host-functions.ts";
import { closingGroup } from "../groups/lifecycle/closing.ts";
import { crashGroup } from "../groups/lifecycle/crash.ts";
import { lifecycleGroup } from "../groups/lifecycle/lifecycle.ts";
import { loadGroup } from "../groups/lifecycle/load.ts";
import { standInGroup } from "../groups/lifecycle/stand-in.ts";
import { stateGroup } from "../groups/lifecycle/state.ts";
import { boundsGroup } from "../groups/limits/bounds.ts";
import { memoryGroup } from "../groups/limits/memory.ts";
import { signalGroup } from "../groups/limits/signals.ts";
import { deadlineGroup } from "../groups/limits/timeouts.ts";
import { sandboxGroup } from "../groups/sandbox/sandbox.ts";
import type { Group, Test } from "../groups/test.ts";
import { errorGroup } from "../groups/values/errors.ts";
import { payloadGroup } from "../groups/values/payloads.ts";
import { propertyGroup } from "../groups/values/properties.ts";
import { validateGroup } from "../groups/values/validate.ts";
import type { PromiseName } from "../setup/promises.ts";
import { asSmoke, inSmokeSet } from "./smoke-set.ts";

/** Tests of one group for one language, with the ids that parent and child process know them by. */
export interface ListedGroup {
  readonly title: string;
  readonly tests: readonly ListedTest[];
}

export interface ListedTest extends Test {
  readonly id: string;
  readonly promise: PromiseName;
  readonly subject: Subject;
}

const GROUPS: readonly ((subject: Subject) => Group)[] = [
  loadGroup,
  validateGroup,
  payloadGroup,
  errorGroup,
  closingGroup,
  overlapGroup,
  queueGroup,
  stateGroup,
  outputGroup,
  statisticsGroup,
  boundsGroup,
  conversationGroup,
  sourceRunGroup,
  capabilityGroup,
  syncGroup,
  hostFunctionGroup,
  freshCallsGroup,
  parallelGroup,
  deadlineGroup,
  signalGroup,
  memoryGroup,
  sandboxGroup,
  crashGroup,
  propertyGroup,
  lifecycleGroup,
];

/** Every test that what the engine declares calls for. The same facts give the same list, in the parent and in the child. */
export function listTests(facts: Facts): ListedGroup[] {
  const groups = facts.unavailable === undefined ? GROUPS : [standInGroup];
  const listed = facts.subjects.flatMap((subject) =>
    groups.map((make) => {
      const group = make(subject);
      const title = facts.subjects.length > 1 ? `${group.name}, in ${subject.language}` : group.name;
      const tests = group.tests.map((test) => ({
        ...test,
        id: `${title} > ${test.name}`,
        promise: test.promise ?? group.promise,
        subject,
      }));
      const [whole, others] = [subject.whole, tests.filter(inSmokeSet)];
      const chosen = tests.flatMap((test) =>
        whole.includes(test.promise) ? [test] : others.includes(test) ? [asSmoke(test)] : [],
      );
      return { title, tests: chosen };
    }),
  );
  return listed.filter((group) => group.tests.length > 0);
}

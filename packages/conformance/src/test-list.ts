import type { Bench } from "./bench.ts";
import type { Facts, Subject } from "./facts.ts";
import { capabilityGroup } from "./groups/capabilities.ts";
import { closingGroup } from "./groups/closing.ts";
import { conversationGroup } from "./groups/conversation.ts";
import { crashGroup } from "./groups/crash.ts";
import { errorGroup } from "./groups/errors.ts";
import { hostFunctionGroup } from "./groups/host-functions.ts";
import { lifecycleGroup } from "./groups/lifecycle.ts";
import { loadGroup } from "./groups/load.ts";
import { memoryGroup } from "./groups/memory.ts";
import { outputGroup } from "./groups/output.ts";
import { overlapGroup } from "./groups/overlap.ts";
import { parallelGroup } from "./groups/parallel.ts";
import { payloadGroup } from "./groups/payloads.ts";
import { propertyGroup } from "./groups/properties.ts";
import { queueGroup } from "./groups/queue.ts";
import { sandboxGroup } from "./groups/sandbox.ts";
import { signalGroup } from "./groups/signals.ts";
import { standInGroup } from "./groups/stand-in.ts";
import { stateGroup } from "./groups/state.ts";
import { syncGroup } from "./groups/sync.ts";
import { deadlineGroup } from "./groups/timeouts.ts";
import { validateGroup } from "./groups/validate.ts";
import type { PromiseName } from "./promises.ts";
import { asSmoke, inSmokeSet } from "./smoke-set.ts";

export interface Test {
  readonly name: string;
  /** Rejects where the promise is broken. Asserts with `node:assert/strict`. */
  readonly run: (bench: Bench) => Promise<void>;
  /** In the place of its group's. */
  readonly promise?: PromiseName;
  /** Needs a process in which nothing ran before, since it measures memory. */
  readonly fresh?: boolean;
  /** `bench.runtime()` is one that it shares with the tests before and after it, since starting workers takes long. It must not close it. */
  readonly shares?: boolean;
  /** Times the setup's `patienceMs`. 1 where it is left out. */
  readonly patience?: number;
}

export interface Group {
  readonly name: string;
  /** What its tests are about, but for those that say otherwise. */
  readonly promise: PromiseName;
  readonly tests: readonly Test[];
}

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
  conversationGroup,
  capabilityGroup,
  syncGroup,
  hostFunctionGroup,
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

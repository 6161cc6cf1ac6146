import { median } from "../statistics.ts";
import { openSubject } from "../subjects/open.ts";
import { isPrimary, type Readings, type Trial, type TrialContext, Unfit } from "./trial.ts";

const DEADLINE_MS = 50;
const ABORTS = 5;

/** How soon a guest that never ends is stopped. */
export const abort: Trial = {
  info: {
    id: "abort",
    title: "Stopping a guest",
    what: `A guest that loops for ever, with a deadline of ${DEADLINE_MS} ms: how much later its caller has the timeout. Each call after the first also waits for the instance that replaces a stopped one.`,
    metrics: [
      { id: "late", title: "past the deadline", unit: "ns", better: "lower" },
      { id: "worst", title: "the latest", unit: "ns", better: "lower" },
    ],
  },
  sizes: [""],
  quickSizes: [""],
  maxRounds: 3,
  includes: (spec) => isPrimary(spec) && (spec.kind === "engine" || spec.id === "isolated-vm"),
  run,
};

async function run({ spec }: TrialContext): Promise<Readings> {
  const opened = await openSubject(spec, { guest: "forever" });
  const { callWithin } = opened;
  if (callWithin === undefined) throw new Unfit("it cannot stop a guest at this placement (deadline is false)");
  const late: number[] = [];
  for (let i = 0; i < ABORTS; i++) {
    const begin = performance.now();
    const ended = await callWithin("forever", "null", DEADLINE_MS).then(
      () => true,
      () => false,
    );
    if (ended) throw new Error("a guest that never ends gave an answer");
    late.push((performance.now() - begin - DEADLINE_MS) * 1e6);
  }
  await opened.close();
  return { late: median(late), worst: Math.max(...late) };
}

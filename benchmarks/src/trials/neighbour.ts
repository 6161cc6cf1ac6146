import { openSubject } from "../subjects/open.ts";
import { measureRate } from "./at-once.ts";
import { isEngine, type Readings, type Trial, type TrialContext } from "./trial.ts";

/** A call of some milliseconds, four of them always on the way. */
const PAYLOAD = JSON.stringify({ n: 1_000_000 });
const AT_ONCE = 4;
/** Milliseconds at the least: the 99th percentile of a short look is its maximum. */
const LEAST_MS = 1000;

/** What the event loop feels of guests that never rest. */
export const neighbour: Trial = {
  info: {
    id: "neighbour",
    title: "Event loop beside busy guests",
    what: "Four calls of an integer loop always under way: the delay of the service's event loop meanwhile, for engines and placements whose calls leave the calling thread.",
    metrics: [
      { id: "loopP99", title: "event loop's delay, p99", unit: "ns", better: "lower" },
      { id: "main", title: "main thread's time for a call", unit: "ns", better: "lower" },
      { id: "rate", title: "rate", unit: "per second", better: "higher" },
    ],
  },
  sizes: [""],
  quickSizes: [],
  maxRounds: 3,
  includes: (spec) => isEngine(spec) && (spec.placement !== "inline" || spec.capabilities?.parallel === true),
  run,
};

async function run({ spec, measureMs }: TrialContext): Promise<Readings> {
  const opened = await openSubject(spec, { guest: "compute" });
  const start = () => opened.call!("integers", PAYLOAD);
  await start();
  const readings = await measureRate(start, AT_ONCE, Math.max(LEAST_MS, measureMs));
  await opened.close();
  return readings;
}

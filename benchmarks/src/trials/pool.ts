import { residentBytes } from "../memory-use.ts";
import { openSubject } from "../subjects/open.ts";
import { measureLatency, measureRate, runFor } from "./at-once.ts";
import { isEngine, PAYLOAD, type Readings, type Trial, type TrialContext } from "./trial.ts";

const AT_ONCE = 256;

/** One module with more or fewer instances. */
export const pool: Trial = {
  info: {
    id: "pool",
    title: "Pool sizes",
    what: "256 calls at once to one module with so many instances at the most (limits.maxInstances).",
    size: "instances",
    metrics: [
      { id: "rate", title: "rate", unit: "per second", better: "higher" },
      { id: "p50", title: "p50", unit: "ns", better: "lower" },
      { id: "p99", title: "p99", unit: "ns", better: "lower" },
      { id: "resident", title: "resident memory", unit: "bytes", better: "lower" },
    ],
  },
  sizes: ["1", "4", "16", "64"],
  quickSizes: [],
  maxRounds: 3,
  includes: isEngine,
  run,
};

async function run({ spec, size, warmUpMs, measureMs }: TrialContext): Promise<Readings> {
  const opened = await openSubject(spec, { guest: "validate", pool: Number(size) });
  const start = () => opened.call!("validate", PAYLOAD);
  await runFor(start, AT_ONCE, warmUpMs);
  const readings = {
    ...(await measureRate(start, AT_ONCE, measureMs)),
    ...(await measureLatency(start, AT_ONCE, measureMs)),
    resident: residentBytes(),
  };
  await opened.close();
  return readings;
}

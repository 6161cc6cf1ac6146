import type { Module } from "extruntime";
import { residentBytes } from "../memory-use.ts";
import { measureLatency, measureRate, runFor } from "./at-once.ts";
import { makeTenants } from "./many.ts";
import { isEngine, PAYLOAD, type Readings, type Trial, type TrialContext } from "./trial.ts";

const AT_ONCE = 64;

/** Calls that go to many modules at random. */
export const tenants: Trial = {
  info: {
    id: "tenants",
    title: "Fan-out over tenants",
    what: "64 calls at once, each to a tenant picked at random. A host keeps 256 instances alive, so that of 1,000 tenants most calls have to make one.",
    size: "tenants",
    metrics: [
      { id: "rate", title: "rate", unit: "per second", better: "higher" },
      { id: "p50", title: "p50", unit: "ns", better: "lower" },
      { id: "p99", title: "p99", unit: "ns", better: "lower" },
      { id: "loopP99", title: "event loop's delay, p99", unit: "ns", better: "lower" },
      { id: "resident", title: "resident memory", unit: "bytes", better: "lower" },
    ],
  },
  sizes: ["10", "100", "1000"],
  quickSizes: [],
  maxRounds: 3,
  includes: isEngine,
  run,
};

async function run({ spec, size, warmUpMs, measureMs }: TrialContext): Promise<Readings> {
  const { runtime, load } = await makeTenants(spec);
  const modules: Module[] = [];
  for (let i = 0; i < Number(size); i++) modules.push(await load());
  const start = () => modules[Math.floor(Math.random() * modules.length)]!.invoke("validate", PAYLOAD);
  await runFor(start, AT_ONCE, warmUpMs);
  const readings = {
    ...(await measureRate(start, AT_ONCE, measureMs)),
    ...(await measureLatency(start, AT_ONCE, measureMs)),
    resident: residentBytes(),
  };
  await runtime.close();
  return readings;
}

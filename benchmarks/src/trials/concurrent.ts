import { openSubject } from "../subjects/open.ts";
import { measureLatency, measureRate, runCalls, runFor } from "./at-once.ts";
import { interleave, ratioOf } from "./interleave.ts";
import { openPair } from "./open-pair.ts";
import { pairsOf } from "./pairs.ts";
import { settleMs, turnsWarmUpMs } from "./settle.ts";
import { isPrimaryOrPython, PAYLOAD, type Readings, type Trial, type TrialContext, Unfit } from "./trial.ts";

/** They have no asynchronous calls, or none that differ from one after the other. */
const SERIAL_FLOORS = ["thread-atomics", "python-loop", "wasm-by-hand", "quickjs-dispatcher"];

/** Many calls under way at the same time. */
export const concurrent: Trial = {
  info: {
    id: "concurrent",
    title: "Calls at once",
    what: "So many calls are under way all the time: each answer starts the next. Latency is from a call's start to its answer, waiting included; the event loop's delay and the main thread's processor time are what the rest of the service pays.",
    size: "calls at once",
    metrics: [
      { id: "rate", title: "rate", unit: "per second", better: "higher" },
      { id: "p50", title: "p50", unit: "ns", better: "lower" },
      { id: "p99", title: "p99", unit: "ns", better: "lower" },
      { id: "p999", title: "p99.9", unit: "ns", better: "lower" },
      { id: "main", title: "main thread's time for a call", unit: "ns", better: "lower" },
      { id: "loopP99", title: "event loop's delay, p99", unit: "ns", better: "lower" },
    ],
  },
  sizes: ["1", "4", "64", "1000", "10000"],
  quickSizes: ["64"],
  includes: (spec) => isPrimaryOrPython(spec) && !SERIAL_FLOORS.includes(spec.id),
  run,
};

async function run(context: TrialContext): Promise<Readings> {
  const { spec, size, warmUpMs, measureMs } = context;
  const atOnce = Number(size);
  const opened = await openSubject(spec, { guest: "validate" });
  const { call } = opened;
  if (call === undefined) throw new Unfit("it has no asynchronous calls");
  const start = () => call("validate", PAYLOAD);
  await runFor(start, atOnce, settleMs(spec, warmUpMs));
  const readings = {
    ...(await measureRate(start, atOnce, measureMs)),
    ...(await measureLatency(start, atOnce, measureMs)),
    ...(atOnce === 64 ? await besideFloors(context, start, opened.callSync) : {}),
  };
  await opened.close();
  return readings;
}

/** The rate as a share of the rate of each floor, in turns of some milliseconds, and of the subject's own synchronous calls. */
async function besideFloors(
  { spec, size, warmUpMs, measureMs }: TrialContext,
  start: () => Promise<unknown>,
  callSync: ((fn: string, payload: string) => string) | undefined,
): Promise<Readings> {
  const atOnce = Number(size);
  const contestantOf = (id: string, begin: () => Promise<unknown>) => ({
    id,
    async time(count: number) {
      const { calls, ns } = await runCalls(begin, atOnce, count);
      return (ns * count) / calls;
    },
  });
  const contestants = [contestantOf("self", start)];
  const closes: (() => void | Promise<void>)[] = [];
  for (const pair of pairsOf(spec).concurrent) {
    const floor = await openPair(pair, spec);
    if (floor?.call === undefined) continue;
    const { call } = floor;
    contestants.push(contestantOf(pair.id, () => call("validate", PAYLOAD)));
    closes.push(() => floor.close());
  }
  if (callSync !== undefined && contestants.length > 1)
    contestants.push({
      id: "own-sync",
      async time(count) {
        const begin = process.hrtime.bigint();
        for (let i = 0; i < count; i++) callSync("validate", PAYLOAD);
        return Number(process.hrtime.bigint() - begin);
      },
    });
  if (contestants.length === 1) return {};
  const slices = await interleave(contestants, { warmUpMs: turnsWarmUpMs(spec, warmUpMs), measureMs });
  for (const close of closes) await close();
  // Of times the floor's over the subject's is of rates the subject's over the floor's.
  return Object.fromEntries(contestants.slice(1).map(({ id }) => [`rateX:${id}`, ratioOf(slices, id, "self")]));
}

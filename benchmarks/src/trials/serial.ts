import { pythonLoop } from "../floors/python-loop.ts";
import { median } from "../statistics.ts";
import { openSubject } from "../subjects/open.ts";
import { runFor } from "./at-once.ts";
import { asyncContestant, type Contestant, interleave, ratioOf, syncContestant } from "./interleave.ts";
import { type OpenPair, openPair } from "./open-pair.ts";
import { type Pair, pairsOf } from "./pairs.ts";
import { hasWorkers, settleMs, turnsWarmUpMs } from "./settle.ts";
import { PAYLOAD, type Readings, type Trial, type TrialContext } from "./trial.ts";

const BARE: Pair = { id: "bare-js", kind: "floor", floor: "bare-js" };

/** One call after the other, on the calling thread and awaited. */
export const serial: Trial = {
  info: {
    id: "serial",
    title: "One call at a time",
    what: "The shared fixture called over and over with 38 bytes: on the calling thread, and awaited. The ratio is taken to the bare JavaScript loop in the same process, in turns of 5 ms.",
    metrics: [
      { id: "sync", title: "invokeSync", unit: "ns", better: "lower" },
      { id: "syncX:bare-js", title: "invokeSync ÷ bare JavaScript", unit: "×", better: "lower" },
      { id: "syncX:inside-orjson", title: "÷ orjson's loop in that Python", unit: "×", better: "lower" },
      { id: "syncX:inside-msgspec", title: "÷ msgspec's", unit: "×", better: "lower" },
      { id: "async", title: "invoke", unit: "ns", better: "lower" },
      { id: "asyncX:bare-js", title: "invoke ÷ bare JavaScript", unit: "×", better: "lower" },
    ],
  },
  sizes: [""],
  quickSizes: [""],
  includes: () => true,
  run,
};

async function run(context: TrialContext): Promise<Readings> {
  const { spec } = context;
  if (spec.source.from === "self-timed") return runPythonLoop(context);
  const opened = await openSubject(spec, { guest: "validate" });
  const pairs = pairsOf(spec);
  const readings: Readings = {};
  if (hasWorkers(spec) && opened.call !== undefined)
    await runFor(() => opened.call!("validate", PAYLOAD), 1, settleMs(spec, context.warmUpMs));
  const sync = opened.callSync && syncContestant("sync", opened.callSync, "validate", PAYLOAD);
  if (sync !== undefined) await race(sync, "sync", pairs.sync, context, readings);
  const async = opened.call && asyncContestant("async", opened.call, "validate", PAYLOAD);
  // The synchronous loop is the floor of both: it is what a service would do without an engine.
  if (async !== undefined)
    await race(async, "async", spec.id === "bare-js" ? [] : [BARE, ...pairs.async], context, readings);
  await opened.close();
  return readings;
}

/** Times a subject in turns with its floors; a floor is synchronous where it can be. */
async function race(
  contestant: Contestant,
  way: "sync" | "async",
  pairs: readonly Pair[],
  { spec, warmUpMs, measureMs }: TrialContext,
  readings: Readings,
): Promise<void> {
  const opened: { pair: Pair; floor: OpenPair; contestant: Contestant }[] = [];
  for (const pair of pairs) {
    const floor = await openPair(pair, spec);
    const own = floor && (pair.id === "bare-js" ? floor.sync : (floor[way] ?? floor.sync));
    if (floor !== undefined && own !== undefined) opened.push({ pair, floor, contestant: own });
  }
  const slices = await interleave([contestant, ...opened.map((each) => each.contestant)], {
    warmUpMs: turnsWarmUpMs(spec, warmUpMs),
    measureMs,
  });
  readings[way] = median(slices.get(way)!);
  for (const { pair, floor } of opened) {
    readings[`${way}X:${pair.id}`] = ratioOf(slices, way, pair.id);
    await floor.close();
  }
}

/** A loop inside Python has no call from JavaScript that could be timed; the bare loop runs in turns with it here. */
async function runPythonLoop({ spec, warmUpMs, measureMs }: TrialContext): Promise<Readings> {
  const loop = await pythonLoop();
  const bare = await openPair(BARE, spec);
  const slices = await interleave([{ id: "sync", time: (count) => loop.time(count, PAYLOAD) }, bare!.sync!], {
    warmUpMs,
    measureMs,
  });
  await loop.close();
  return { sync: median(slices.get("sync")!), "syncX:bare-js": ratioOf(slices, "sync", "bare-js") };
}

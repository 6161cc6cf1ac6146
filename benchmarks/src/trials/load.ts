import { setTimeout } from "node:timers/promises";
import { median } from "../statistics.ts";
import { type EngineSource, guestFolder, makeRuntime } from "../subjects/engines.ts";
import { openSubject } from "../subjects/open.ts";
import { isPrimary, PAYLOAD, type Readings, type Trial, type TrialContext } from "./trial.ts";

/** Enough for a spare interpreter, worker or process to be ready again. */
const REST_MS = 150;
const LOADS = 9;
/** After a rest a load is rare. */
const RESTED_LOADS = 7;

/** What a module costs until it serves. */
export const load: Trial = {
  info: {
    id: "load",
    title: "Loading a module",
    what: "The first load of a process, and the first and second call of that module; loads in a row, and loads whose first instance is put off to the first call; then one load after a rest each time, in which an engine may start spares. For peers a load is whatever makes it ready to be called.",
    metrics: [
      { id: "first", title: "first load", unit: "ns", better: "lower" },
      { id: "load", title: "load after a rest", unit: "ns", better: "lower" },
      { id: "inRow", title: "loads in a row", unit: "ns", better: "lower" },
      { id: "lazy", title: "lazy load", unit: "ns", better: "lower" },
      { id: "firstCall", title: "first call", unit: "ns", better: "lower" },
      { id: "secondCall", title: "second call", unit: "ns", better: "lower" },
    ],
  },
  sizes: [""],
  quickSizes: [""],
  includes: (spec) => isPrimary(spec) && spec.kind !== "floor",
  run: (context) => (context.spec.kind === "engine" ? runEngine(context) : runPeer(context)),
};

async function runEngine({ spec, measureMs }: TrialContext): Promise<Readings> {
  const runtime = await makeRuntime(spec.engine!, spec.source as EngineSource);
  const { path, remove } = await guestFolder(spec, "validate");
  const [first, kept] = await timed(() => runtime.load(path));
  const [firstCall] = await timed(() => kept.invoke("validate", PAYLOAD));
  const [secondCall] = await timed(() => kept.invoke("validate", PAYLOAD));
  const loadAndClose = async (lazy: boolean) => {
    const [taken, module] = await timed(() => runtime.load(path, { lazy }));
    await module.close();
    return taken;
  };
  const rested = async () => {
    await setTimeout(REST_MS);
    return loadAndClose(false);
  };
  const readings = {
    first,
    firstCall,
    secondCall,
    inRow: await repeated(() => loadAndClose(false), measureMs),
    lazy: await repeated(() => loadAndClose(true), measureMs),
    load: await repeated(rested, measureMs, RESTED_LOADS),
  };
  await runtime.close();
  await remove();
  return readings;
}

async function runPeer({ spec, measureMs }: TrialContext): Promise<Readings> {
  const [first, kept] = await timed(() => openSubject(spec, { guest: "validate" }));
  const [firstCall] = await timed(() => kept.call!("validate", PAYLOAD));
  const [secondCall] = await timed(() => kept.call!("validate", PAYLOAD));
  const again = async () => {
    const [taken, opened] = await timed(() => openSubject(spec, { guest: "validate" }));
    await opened.close();
    return taken;
  };
  const inRow = await repeated(again, measureMs);
  await kept.close();
  return { first, firstCall, secondCall, inRow };
}

/** The median of at least so many, and of nine where there is time. */
async function repeated(once: () => Promise<number>, milliseconds: number, least = 2): Promise<number> {
  const times: number[] = [];
  const end = performance.now() + milliseconds;
  do times.push(await once());
  while (times.length < least || (times.length < LOADS && performance.now() < end));
  return median(times);
}

async function timed<T>(act: () => Promise<T>): Promise<[ns: number, value: T]> {
  const begin = process.hrtime.bigint();
  const value = await act();
  return [Number(process.hrtime.bigint() - begin), value];
}

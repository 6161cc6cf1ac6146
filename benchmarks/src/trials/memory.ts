import type { Module } from "extruntime";
import { collect, residentBytes } from "../memory-use.ts";
import { makeTenants } from "./many.ts";
import { ANSWER, isPrimaryOrPython, PAYLOAD, type Readings, type Trial, type TrialContext } from "./trial.ts";

/** Modules that are called, each making an instance: within the bound on live instances, so that all of them stay. */
const CALLED = 100;

/** What modules weigh. */
export const memory: Trial = {
  info: {
    id: "memory",
    title: "Memory and many modules",
    what: "So many modules are loaded into one runtime, with instances on demand; then up to 100 of them are called, which makes an instance of each. Resident memory is that of the process and its children.",
    size: "modules",
    metrics: [
      { id: "runtime", title: "the engine itself", unit: "bytes", better: "lower" },
      { id: "heap", title: "JavaScript heap a module", unit: "bytes", better: "lower" },
      { id: "resident", title: "resident a module", unit: "bytes", better: "lower" },
      { id: "instance", title: "resident an instance", unit: "bytes", better: "lower" },
      { id: "load", title: "load of a module", unit: "ns", better: "lower" },
      { id: "firstCall", title: "first call", unit: "ns", better: "lower" },
    ],
  },
  sizes: ["1", "10", "100", "1000", "10000"],
  quickSizes: ["100"],
  maxRounds: 3,
  includes: (spec) => spec.kind === "engine" && isPrimaryOrPython(spec),
  run,
};

async function run({ spec, size }: TrialContext): Promise<Readings> {
  const count = Number(size);
  collect();
  const empty = residentBytes();
  const { runtime, load } = await makeTenants(spec);
  await check(await load());
  collect();
  const [heapBefore, residentBefore] = [process.memoryUsage().heapUsed, residentBytes()];
  const modules: Module[] = [];
  const loadBegin = performance.now();
  for (let i = 0; i < count; i++) modules.push(await load());
  const loadMs = performance.now() - loadBegin;
  collect();
  const [heapLoaded, residentLoaded] = [process.memoryUsage().heapUsed, residentBytes()];
  const called = spread(modules, CALLED);
  const callBegin = performance.now();
  for (const module of called) await check(module);
  const callMs = performance.now() - callBegin;
  collect();
  const residentCalled = residentBytes();
  await runtime.close();
  return {
    runtime: residentBefore - empty,
    heap: (heapLoaded - heapBefore) / count,
    resident: (residentLoaded - residentBefore) / count,
    instance: (residentCalled - residentLoaded) / called.length,
    load: (loadMs * 1e6) / count,
    firstCall: (callMs * 1e6) / called.length,
  };
}

/** At most so many, evenly over the list. */
function spread<T>(list: readonly T[], most: number): T[] {
  const step = Math.max(1, Math.floor(list.length / most));
  return list.filter((_, index) => index % step === 0).slice(0, most);
}

async function check(module: Module): Promise<void> {
  const answer = JSON.parse(await module.invoke("validate", PAYLOAD)) as typeof ANSWER;
  if (answer.email !== ANSWER.email) throw new Error(`${module.name} answered ${JSON.stringify(answer)}`);
}

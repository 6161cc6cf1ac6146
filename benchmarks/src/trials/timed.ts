import { Bench } from "tinybench";
import { median, ratios } from "../statistics.ts";
import { openFloor } from "../subjects/open.ts";
import { NoSuchGuest, type Opened, type OpenOptions } from "../subjects/subject.ts";
import type { Readings, TrialContext } from "./trial.ts";

/** Turns that the subject and the bare loop take, so that a change of the machine's pace meets both. */
const PASSES = 3;

/**
 * Median time of calls that take long enough to be timed one by one, by tinybench, and of the bare JavaScript loop that
 * does the same in the same process. Both must give the same answer.
 */
export async function timeBeside(
  opened: Opened,
  fn: string,
  payload: string,
  options: OpenOptions,
  context: TrialContext,
): Promise<Readings> {
  const call = opened.callSync ?? opened.call;
  const act = () => call!(fn, payload);
  const bare = await bareJavaScript(options);
  if (bare === undefined) return { call: await time(act, context) };
  const floor = () => bare.callSync!(fn, payload);
  const [answer, expected] = [JSON.parse(await act()) as unknown, JSON.parse(floor()) as unknown];
  if (!sameValue(answer, expected))
    throw new Error(`it answered ${JSON.stringify(answer)}, not ${JSON.stringify(expected)}`);
  const [mine, floors]: [number[], number[]] = [[], []];
  for (let pass = 0; pass < PASSES; pass++) {
    mine.push(await time(act, context));
    floors.push(await time(floor, context));
  }
  return { call: median(mine), "callX:bare-js": median(ratios(mine, floors)) };
}

async function bareJavaScript(options: OpenOptions): Promise<Opened | undefined> {
  try {
    return await openFloor("bare-js", options);
  } catch (error) {
    if (error instanceof NoSuchGuest) return undefined;
    throw error;
  }
}

async function time(call: () => unknown, { warmUpMs, measureMs }: TrialContext): Promise<number> {
  const bench = new Bench({
    time: measureMs / PASSES,
    warmupTime: warmUpMs / PASSES,
    iterations: 2,
    warmupIterations: 1,
  });
  bench.add("call", call);
  const [task] = await bench.run();
  const result = task!.result;
  if (result === undefined || !("latency" in result)) throw new Error("tinybench has no result", { cause: result });
  // Milliseconds there, nanoseconds here.
  return result.latency.p50 * 1e6;
}

function sameValue(a: unknown, b: unknown): boolean {
  const sorted = (value: unknown) =>
    JSON.stringify(value, typeof value === "object" && value !== null ? Object.keys(value).sort() : undefined);
  return sorted(a) === sorted(b);
}

import { median, shuffled } from "../statistics.ts";

/** One way of doing the same thing. */
export interface Contestant {
  readonly id: string;
  /** Does it so many times and returns the nanoseconds that took. */
  time(count: number): number | Promise<number>;
}

export interface InterleaveOptions {
  readonly warmUpMs: number;
  /** For each contestant. */
  readonly measureMs: number;
}

/** Long against the clock and a wake-up, short against what else the machine does. */
const SLICE_NS = 5e6;
const MIN_PASSES = 7;

/**
 * Lets contestants take turns of some milliseconds in random order, so that whatever slows the machine down slows all of
 * them alike. Returns the nanoseconds of one turn of each, slice by slice: slices of one pass are side by side.
 */
export async function interleave(
  contestants: readonly Contestant[],
  { warmUpMs, measureMs }: InterleaveOptions,
): Promise<Map<string, number[]>> {
  const counts = new Map<Contestant, number>();
  for (const contestant of contestants) counts.set(contestant, await warmUp(contestant, warmUpMs));
  const slices = new Map<string, number[]>(contestants.map(({ id }) => [id, []]));
  const end = performance.now() + measureMs * contestants.length;
  for (let pass = 0; pass < MIN_PASSES || performance.now() < end; pass++) {
    for (const contestant of shuffled(contestants)) {
      const count = counts.get(contestant)!;
      slices.get(contestant.id)!.push((await contestant.time(count)) / count);
    }
  }
  return slices;
}

/** How many times fill a slice. */
async function warmUp(contestant: Contestant, warmUpMs: number): Promise<number> {
  const end = performance.now() + warmUpMs;
  let count = 1;
  for (;;) {
    const taken = await contestant.time(count);
    if (performance.now() >= end) return Math.max(1, Math.round((count * SLICE_NS) / taken));
    if (taken < SLICE_NS) count *= 2;
  }
}

/** Of the slices of one pass, the median. */
export function ratioOf(slices: Map<string, number[]>, id: string, floor: string): number {
  const floors = slices.get(floor)!;
  return median(slices.get(id)!.map((value, pass) => value / floors[pass]!));
}

type SyncCall = (fn: string, payload: string) => string;
type AsyncCall = (fn: string, payload: string) => Promise<string>;

/** A loop of its own for each contestant: a shared one would learn of all of them, and be slower for each than a user's. */
export function syncContestant(id: string, call: SyncCall, fn: string, payload: string): Contestant {
  const loop = new Function(
    "call, fn, payload, count",
    "let length = 0; for (let i = 0; i < count; i++) length += call(fn, payload).length; return length;",
  ) as (call: SyncCall, fn: string, payload: string, count: number) => number;
  return {
    id,
    time(count) {
      const start = process.hrtime.bigint();
      used = loop(call, fn, payload, count);
      return Number(process.hrtime.bigint() - start);
    },
  };
}

/** Each awaited before the next. */
export function asyncContestant(id: string, call: AsyncCall, fn: string, payload: string): Contestant {
  return {
    id,
    async time(count) {
      const start = process.hrtime.bigint();
      for (let i = 0; i < count; i++) used = await call(fn, payload);
      return Number(process.hrtime.bigint() - start);
    },
  };
}

/** Results end here, so that no compiler can find that nobody wants them. */
export let used: unknown;

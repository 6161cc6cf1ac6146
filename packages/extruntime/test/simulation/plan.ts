import { type Deed, goesOn, needsStop } from "./guest-script.ts";
import type { Random } from "./random.ts";

/** What a seed stands for: a small system, and what happens to it. */
export interface Plan {
  readonly kind: "thread" | "process";
  /** Each module has workers of its own. */
  readonly own: boolean;
  readonly softAbort: boolean;
  readonly fewSlots: boolean;
  readonly max: number;
  readonly spare: number;
  readonly maxInstances: number;
  readonly startFailures: number;
  readonly modules: readonly ModulePlan[];
  readonly steps: readonly Step[];
  /** How each module is closed at the end. */
  readonly closeAbort: boolean;
}

export interface ModulePlan {
  readonly pool: number;
  readonly queue: number;
  readonly timeoutMs: number | undefined;
}

export type Step = { readonly after: number } & (
  | { readonly do: "calls"; readonly module: number; readonly calls: readonly CallPlan[] }
  | { readonly do: "abort"; readonly signal: number }
  | { readonly do: "block"; readonly ms: number }
  | { readonly do: "crash"; readonly worker: number }
  | { readonly do: "reload"; readonly module: number; readonly abort: boolean }
);

export interface CallPlan {
  readonly does: Deed;
  readonly ms: number;
  readonly timeoutMs: number | undefined;
  /** Number of a signal that calls may share. */
  readonly signal: number | undefined;
  /** Its caller blocks the host. */
  readonly sync: boolean;
}

const SIGNALS = 4;

/** What guests do: mostly they answer. Each plan has ways of its own. */
const MANNERS: readonly Readonly<Partial<Record<Deed, number>>>[] = [
  { answer: 20, wait: 4, spin: 2, endless: 1 },
  { answer: 10, wait: 10, never: 1, ask: 4 },
  { answer: 30, spin: 1 },
  { answer: 20, fail: 2, break: 2, crash: 1 },
  { answer: 10, storm: 1, wait: 1 },
  { answer: 5, spin: 3, waitAndSpin: 3, stuck: 1, wait: 4 },
  {
    answer: 8,
    fail: 1,
    break: 1,
    spin: 1,
    endless: 1,
    stuck: 1,
    wait: 2,
    waitAndSpin: 1,
    never: 1,
    ask: 1,
    crash: 1,
    storm: 1,
  },
  { answer: 1 },
];

export function planOf(random: Random): Plan {
  const modules = Array.from({ length: random.from(1, 3) }, () => modulePlan(random));
  const manners = random.of(MANNERS);
  // Short calls are sent ahead of their turn.
  const short = random.chance(0.6);
  const kind = random.of(["thread", "process"] as const);
  const sync = kind === "thread" && random.chance(0.5) ? random.of([0.02, 0.1, 0.5]) : 0;
  const steps = Array.from({ length: random.from(5, 30) }, () => step(random, modules.length, manners, short, sync));
  return {
    kind,
    own: kind === "process" && steps.length % 2 === 0,
    softAbort: random.chance(0.5),
    fewSlots: random.chance(0.3),
    max: random.from(1, 2),
    spare: random.from(0, 1),
    maxInstances: random.of([1, 2, 3, 8]),
    startFailures: random.chance(0.1) ? 0.3 : 0,
    modules,
    steps,
    closeAbort: random.chance(0.3),
  };
}

function modulePlan(random: Random): ModulePlan {
  return {
    pool: random.of([1, 1, 1, 2, 3]),
    queue: random.chance(0.2) ? random.from(0, 4) : 1000,
    timeoutMs: random.chance(0.1) ? random.ms(5, 300) : undefined,
  };
}

function step(
  random: Random,
  modules: number,
  manners: Partial<Record<Deed, number>>,
  short: boolean,
  sync: number,
): Step {
  const after = random.chance(0.3) ? 0 : random.ms(0, random.chance(0.1) ? 400 : 20);
  const module = random.from(0, modules - 1);
  const what = random.weighted({ calls: 20, abort: 2, block: 2, crash: 0.5, reload: 0.5 });
  if (what === "abort") return { after, do: "abort", signal: random.from(0, SIGNALS - 1) };
  if (what === "block") return { after, do: "block", ms: random.ms(1, 80) };
  if (what === "crash") return { after, do: "crash", worker: random.from(0, 3) };
  if (what === "reload") return { after, do: "reload", module, abort: random.chance(0.5) };
  const most = random.chance(0.1) ? 40 : 8;
  const calls = Array.from({ length: random.from(1, most) }, () =>
    callPlan(random, manners, short, sync > 0 && random.chance(sync)),
  );
  return { after, do: "calls", module, calls };
}

function callPlan(random: Random, manners: Partial<Record<Deed, number>>, short: boolean, sync: boolean): CallPlan {
  const does = random.weighted(manners as Record<Deed, number>);
  const quick = does === "answer" || does === "fail" || does === "break";
  const ms = quick
    ? short
      ? random.ms(0.002, 0.05)
      : random.ms(0.01, 10)
    : random.ms(0.1, random.chance(0.3) ? 150 : 15);
  // Who waits where a guest may leave something behind that holds the thread waits for ever without a limit.
  const mayWaitForEver = needsStop(does) || (manners.storm !== undefined && goesOn(does));
  // Nothing but its time ends a call whose caller blocks the host.
  const signals = sync ? 0 : 1;
  const limit = random.weighted({ none: mayWaitForEver ? 0 : 6, time: 2, signal: signals, both: signals / 2 });
  return {
    does,
    ms,
    timeoutMs:
      limit === "time" || limit === "both"
        ? random.ms(0.5, 60)
        : mayWaitForEver || random.chance(0.9)
          ? undefined
          : 100_000,
    signal: limit === "signal" || limit === "both" ? random.from(0, SIGNALS - 1) : undefined,
    sync,
  };
}

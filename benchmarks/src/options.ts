import { parseArgs } from "node:util";

export interface Options {
  readonly quick: boolean;
  /** Runtimes or subjects; all of them when empty. Floors come along with what they are floors of. */
  readonly engines: readonly string[];
  readonly trials: readonly string[];
  readonly placements: readonly string[];
  readonly sizes: readonly string[];
  readonly peers: boolean;
  readonly rounds: number;
  /** Milliseconds that a measurement in a trial takes. */
  readonly measureMs: number;
  readonly warmUpMs: number;
  /** Milliseconds after which no further job begins; `Infinity` for none. */
  readonly budgetMs: number;
  readonly out: string | undefined;
  /** Write the documents too. */
  readonly report: boolean;
  readonly list: boolean;
}

export const HELP = `pnpm bench [options]          measures, and leaves a JSON file in benchmarks/results
pnpm bench report [file]      writes docs from a JSON file (the newest without one), with --to elsewhere
pnpm bench:compare A B        says which ratios moved beyond the noise

  --quick                ends in two minutes: fewer trials, sizes and rounds
  --engines a,b          only these runtimes or subjects, with their floors
  --trials a,b           only these trials
  --placements a,b       inline, thread, process
  --sizes a,b            only these sizes of the trials that have sizes
  --no-peers             without the packages that a user would take instead
  --rounds n             rounds of all trials, each in random order
  --minutes n            begins no job after so many; what is asked for most is measured first
  --out file             where the JSON goes
  --report               write docs/EXTENSIONS_BENCHMARK.md and its page from this run
  --list                 what would be measured, and what is missing and why
`;

/** @throws TypeError for options that are not as they must be, in words for the person who typed them. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      quick: { type: "boolean", default: false },
      engines: { type: "string", default: "" },
      trials: { type: "string", default: "" },
      placements: { type: "string", default: "" },
      sizes: { type: "string", default: "" },
      peers: { type: "boolean", default: true },
      rounds: { type: "string" },
      minutes: { type: "string" },
      out: { type: "string" },
      report: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
    },
  });
  const { quick } = values;
  const rounds = Number(values.rounds ?? (quick ? 2 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) throw new TypeError("--rounds wants a whole number from 1");
  const minutes = Number(values.minutes ?? (quick ? 1.75 : Number.POSITIVE_INFINITY));
  if (!(minutes > 0)) throw new TypeError("--minutes wants a number above 0");
  const placements = list(values.placements);
  for (const placement of placements)
    if (!["inline", "thread", "process"].includes(placement))
      throw new TypeError(`--placements takes inline, thread and process, and not ${placement}`);
  return {
    quick,
    engines: list(values.engines),
    trials: list(values.trials),
    placements,
    sizes: list(values.sizes),
    peers: values.peers,
    rounds,
    measureMs: quick ? 60 : 250,
    warmUpMs: quick ? 40 : 150,
    budgetMs: minutes * 60_000,
    out: values.out,
    report: values.report,
    list: values.list,
  };
}

function list(text: string): string[] {
  return text.split(",").filter(Boolean);
}

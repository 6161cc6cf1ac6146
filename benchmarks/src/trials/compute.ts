import { openSubject } from "../subjects/open.ts";
import { timeBeside } from "./timed.ts";
import { isPrimary, type Readings, type Trial, type TrialContext } from "./trial.ts";

/** How much of each, for about a millisecond of plain JavaScript. */
const WORK: Readonly<Record<string, number>> = { integers: 200_000, sort: 10_000, text: 20_000, pattern: 2_000 };

/** What the guest's own machine is worth, apart from the way to it. */
export const compute: Trial = {
  info: {
    id: "compute",
    title: "Work inside the guest",
    what: `Guests that compute: ${Object.entries(WORK)
      .map(([fn, n]) => `${fn} (${n.toLocaleString("en")})`)
      .join(
        ", ",
      )}. The source is in benchmarks/guests/compute; every engine's answer is checked against the bare JavaScript.`,
    size: "of the four",
    metrics: [
      { id: "call", title: "call", unit: "ns", better: "lower" },
      { id: "callX:bare-js", title: "call ÷ bare JavaScript", unit: "×", better: "lower" },
    ],
  },
  sizes: Object.keys(WORK),
  quickSizes: ["integers"],
  maxRounds: 3,
  includes: (spec) => isPrimary(spec) && spec.placement === "inline" && spec.id !== "pyvm-shared",
  run,
};

async function run(context: TrialContext): Promise<Readings> {
  const options = { guest: "compute" } as const;
  const opened = await openSubject(context.spec, options);
  const payload = JSON.stringify({ n: WORK[context.size] });
  const readings = await timeBeside(opened, context.size, payload, options, context);
  await opened.close();
  return readings;
}

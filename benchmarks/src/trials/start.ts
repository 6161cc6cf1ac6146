import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { median } from "../statistics.ts";
import type { SubjectSpec } from "../subjects/subject.ts";
import { isPrimary, type Readings, type Trial, type TrialContext } from "./trial.ts";

const CHILD = fileURLToPath(new URL("../start-child.js", import.meta.url));
const STARTS = 3;

/** From nothing to the first answer. */
export const start: Trial = {
  info: {
    id: "start",
    title: "Cold start",
    what: "From the start of a Node process to the first answer of the shared fixture, everything imported and loaded on the way. The ratio is taken to a process that runs the bare JavaScript function.",
    metrics: [
      { id: "start", title: "process to first answer", unit: "ns", better: "lower" },
      { id: "startX:bare-js", title: "÷ bare JavaScript", unit: "×", better: "lower" },
    ],
  },
  sizes: [""],
  quickSizes: [""],
  maxRounds: 3,
  includes: (spec) =>
    isPrimary(spec) && (spec.kind !== "floor" || ["bare-js", "node-pipe", "python-pipe"].includes(spec.id)),
  run,
};

const BARE: SubjectSpec = {
  id: "bare-js",
  title: "",
  kind: "floor",
  language: "javascript",
  placement: "inline",
  primary: true,
  source: { from: "floor", floor: "bare-js" },
};

async function run({ spec, measureMs }: TrialContext): Promise<Readings> {
  const own: number[] = [];
  const bare: number[] = [];
  const end = performance.now() + measureMs;
  do {
    bare.push(await timeStart(BARE));
    own.push(await timeStart(spec));
  } while (own.length < STARTS && performance.now() < end);
  return { start: median(own), "startX:bare-js": median(own) / median(bare) };
}

/** Nanoseconds until the child's first output, which is the answer. */
async function timeStart(spec: SubjectSpec): Promise<number> {
  const begin = process.hrtime.bigint();
  const child = spawn(process.execPath, [...(spec.flags ?? []), CHILD, JSON.stringify(spec)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = once(child, "close");
  let errors = "";
  child.stderr.on("data", (data) => (errors += data));
  const [first] = (await Promise.race([once(child.stdout, "data"), closed.then(() => [undefined])])) as unknown[];
  const taken = Number(process.hrtime.bigint() - begin);
  await closed;
  if (first === undefined) throw new Error(`the process gave no answer: ${errors.trim().split("\n").at(-1)}`);
  return taken;
}

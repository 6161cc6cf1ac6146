import { fixture } from "extruntime-fixtures";

/** About as long as one round of one trial takes, in nanoseconds: long against the clock, short against a person. */
const ROUND_NS = 25e6;

const { validate } = await import(`${fixture("validate-email/native")}/validate.mjs`);

/** The floor: what a service would do without any engine. */
export function bareLoop(payload) {
  let length = 0;
  return (count) => {
    for (let i = 0; i < count; i++) length += JSON.stringify(validate(JSON.parse(payload))).length;
    return length;
  };
}

/** Times trials `(count) => void`, interleaved in random order. Returns the median nanoseconds per call of each. */
export async function measure(trials, rounds) {
  const counts = new Map();
  for (const [name, trial] of trials) counts.set(name, calibrate(trial));
  const samples = new Map([...trials.keys()].map((name) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const [name, trial] of shuffle([...trials])) samples.get(name).push(time(trial, counts.get(name)));
  return new Map([...samples].map(([name, values]) => [name, { median: median(values) }]));
}

/** How many calls fill a round, found by doubling, which warms the trial up too. */
function calibrate(trial) {
  let count = 1;
  while (time(trial, count) * count < ROUND_NS) count *= 2;
  return count;
}

function time(trial, count) {
  const start = process.hrtime.bigint();
  trial(count);
  return Number(process.hrtime.bigint() - start) / count;
}

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function shuffle(items) {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [items[i], items[j]] = [items[j], items[i]];
  }
  return items;
}

// All the lies: each site's mutations, at the times that make sense there.
import {
  ANSWERS,
  CALLS_DOWN,
  CLOSES,
  ERRORS,
  HOST_CALLS,
  HOST_FAILURES,
  LINES,
  LOADS,
  MEMBERS,
  RUNS,
} from "./mutations.mjs";
import { TRIGGERS } from "./triggers.mjs";
import { changed, REPLACERS } from "./values.mjs";

const times = (...names) => names;
const CALLS = times(
  "always",
  "the 2nd time",
  "the 7th time",
  "the 100th time",
  "every 10th time",
  "the 100th time in the runtime",
  "above 1 KiB",
  "above 64 KiB",
  "above 1 MiB",
  "below 3 characters",
  "after an error",
  "right after an error",
  "after an error in another module",
  "after a timeout",
  "after a timeout in another module",
  "after a close",
  "after a reload",
  "in the 2nd module",
  "in the 5th module",
  "beside another module",
  "while its calls overlap",
  "while calls of two modules overlap",
  "past ten calls under way",
  "in invokeSync",
  "in invoke",
  "in call",
  "for a 2nd function",
  "with a deadline",
  "with a signal",
  "with a logger",
  "with host functions",
  "with a pool of 1",
  "loaded from memory",
  "loaded lazily",
  "after a rest",
);
/** So that there is not too much of the same: of each mutation every third time, another third for the next. */
const third = (list, i) => ["always", ...list.filter((each, j) => each !== "always" && (i + j) % 3 === 0)];
const half = (list, i) => ["always", ...list.filter((each, j) => each !== "always" && (i + j) % 2 === 0)];
const LINE_TIMES = times(
  "always",
  "the 2nd time",
  "the 7th time",
  "the 100th time",
  "above 1 KiB",
  "below 3 characters",
  "after an error in another module",
  "after a close",
  "after a reload",
  "in the 2nd module",
  "in the 5th module",
  "while its calls overlap",
  "while calls of two modules overlap",
  "with host functions",
  "with a pool of 1",
  "loaded lazily",
  "after a rest",
);
const HOST_TIMES = times(
  "always",
  "the 2nd time",
  "the 7th time",
  "the 100th time",
  "above 1 KiB",
  "above 64 KiB",
  "above 1 MiB",
  "after an error",
  "after an error in another module",
  "after a timeout",
  "after a close",
  "after a reload",
  "in the 2nd module",
  "while its calls overlap",
  "while calls of two modules overlap",
  "with a logger",
  "with a pool of 1",
);
const LIFE_TIMES = times(
  "always",
  "after an error",
  "after an error in another module",
  "after a timeout",
  "after a close",
  "after a reload",
  "in the 2nd module",
  "in the 5th module",
  "beside another module",
  "while its calls overlap",
  "with host functions",
  "with a pool of 1",
);
const LOAD_TIMES = times(
  "always",
  "the 20th time",
  "after an error in another module",
  "after a close",
  "after a reload",
  "in the 2nd module",
  "in the 5th module",
  "beside another module",
  "while calls of two modules overlap",
  "loaded from memory",
  "with a logger",
  "with host functions",
);
/** What can be seen of few calls alone: those whose time is up or whose signal fires, those that overlap, those after a close. So at few times. */
const RARE = /their time|of time|signal|put off|closed|no JSON|nobody exported/;
const RARE_TIMES = times("always", "in invoke", "in call", "with a pool of 1", "in the 2nd module");
/** What has guests run on for ever; on the thread that tries them nothing else would run. */
const ENDLESS = /without the limit of time|limits of the|widest limits|manifest's limits/;
/** Of `close`, by what it was told. */
const CLOSE_TIMES = {
  "told nothing": { when: ({ options }) => options === undefined },
  "told not to abort": { when: ({ options }) => options?.abort === false },
  "told to abort": { when: ({ options }) => options?.abort === true },
};

function* lies() {
  yield* from("answers", ANSWERS, half, CALLS);
  for (const when of times(
    "always",
    "the 2nd time",
    "the 7th time",
    "after an error",
    "after a close",
    "in the 2nd module",
  )) {
    const lie = make("answers", "swapped with another module's", () => undefined, when);
    yield { ...lie, slices: true, sync: false, swaps: true };
  }
  for (const [name, replacer] of Object.entries(REPLACERS)) {
    yield make("answers", name, (text) => changed(text, replacer), "always");
    yield make(
      "answers",
      name,
      (text) => changed(text, replacer),
      pick(name, ["in invokeSync", "in invoke", "in call", "after an error", "the 2nd time"]),
    );
    yield make("host calls", `get ${name}`, (call) => hostChanged(call, replacer), "always");
    yield make(
      "host calls",
      `give ${name}`,
      (call) => ({ ...call, answered: (value) => JSON.parse(changed(JSON.stringify(value) ?? "null", replacer)) }),
      "always",
    );
  }
  yield* from("errors", ERRORS, third, CALLS);
  for (const lie of from("calls", CALLS_DOWN, half, CALLS)) if (!RARE.test(lie.what)) yield lie;
  // Inline nothing takes a signal, and no call overlaps with another.
  for (const [what, mutate] of Object.entries(CALLS_DOWN))
    if (RARE.test(what)) for (const when of RARE_TIMES) yield { ...make("calls", what, mutate, when), slices: true };
  yield* from("lines", LINES, half, LINE_TIMES);
  yield* from("host calls", HOST_CALLS, half, HOST_TIMES);
  yield* from("host failures", HOST_FAILURES, half, HOST_TIMES);
  yield* from(
    "modules",
    MEMBERS,
    third,
    times(
      "always",
      "the 7th time",
      "the 100th time",
      "after an error",
      "after a timeout",
      "after a close",
      "in the 2nd module",
      "while its calls overlap",
      "with a pool of 1",
    ),
  );
  yield* from("closes", CLOSES, third, LIFE_TIMES);
  yield* from(
    "closes of the runtime",
    CLOSES,
    third,
    times("always", "after an error in another module", "after a close", "while calls of two modules overlap"),
  );
  for (const site of ["closes", "closes of the runtime"])
    for (const [name, mutate] of Object.entries(CLOSES))
      for (const [when, trigger] of Object.entries(CLOSE_TIMES)) yield make(site, name, mutate, when, trigger);
  yield* from("loads", LOADS, third, LOAD_TIMES);
  yield* from(
    "runs",
    RUNS,
    half,
    times(
      "always",
      "the 2nd time",
      "the 7th time",
      "the 100th time",
      "above 1 KiB",
      "above 64 KiB",
      "after an error",
      "after a close",
      "after a reload",
      "in the 2nd module",
      "with host functions",
      "with a pool of 1",
      "loaded lazily",
    ),
  );
}

function hostChanged(call, replacer) {
  const text = JSON.stringify(call.value) ?? "null";
  const said = changed(text, replacer);
  return said === text ? undefined : { ...call, value: JSON.parse(said) };
}

function* from(site, mutations, choose, list) {
  let i = 0;
  for (const [name, mutate] of Object.entries(mutations))
    for (const when of choose(list, i++)) yield make(site, name, mutate, when);
}

function make(site, what, mutate, when, trigger = TRIGGERS[when]) {
  const { sync = false, slices } = trigger;
  const name = `${site}: ${what}, ${when}`;
  // Of those that may be either, half are.
  return {
    name,
    site,
    what,
    time: when,
    when: trigger.when,
    mutate,
    sync,
    slices: slices ?? (!sync && (ENDLESS.test(what) || hash(name) % 2 === 0)),
  };
}

const pick = (name, list) => list[hash(name) % list.length];

/** A number of a text, the same each time. */
export function hash(text) {
  let sum = 7;
  for (const letter of text) sum = (sum * 31 + letter.codePointAt(0)) % 1_000_003;
  return sum;
}

/** By name; a name that two have is told of. */
export const LIES = new Map([...lies()].map((lie) => [lie.name, lie]));

export function lieNamed(name) {
  if (name === undefined) return undefined;
  const lie = LIES.get(name);
  if (lie === undefined) throw new TypeError(`there is no lie ${JSON.stringify(name)}`);
  return lie;
}

// Tries liars: runs tests of the kit against one, in this process, until one rejects it. A thousand runs of the whole kit would take days; one test against one liar takes milliseconds.
import { liarWith } from "./liar.mjs";

const dist = (file) => import(new URL(`../../dist/${file}`, import.meta.url).href);
const { Bench } = await dist("bench.js");
const { findFacts } = await dist("find-facts.js");
const { listTests } = await dist("test-list.js");
const { makePlan } = await dist("setup.js");

/** Milliseconds after which a test counts as hanging: it waits half of that for what never comes. */
const PATIENCE_MS = 30_000;
/** Whole tests that need a process of their own, or the escapes of the sandbox, which no lie of these is about. */
const NOT_HERE =
  /any text as a payload|^(escapes|the sandbox|crash)|leave no memory|50 times|the host stays within|two calls at a time run|any bytes as a module|limits.timeoutMs holds|ERR_EXT_MEMORY, \d+ times|a module with bytes changed/;

/** What may find a lie first, by its site. Then all others. */
const FIRST = {
  answers: [/^a long conversation/, /^payloads/, /^overlapping/, /^synchronous/],
  errors: [/^a long conversation/, /^errors/, /^synchronous/],
  lines: [/^a long conversation/, /^output/],
  "host calls": [/^a long conversation/, /^host functions/, /^properties/],
  "host failures": [/^a long conversation/, /^host functions/],
  modules: [/^a long conversation/, /^manifest/, /^closing/],
  closes: [/^closing/, /^a long conversation/],
  "closes of the runtime": [/^closing/],
  loads: [/^manifest/, /^a long conversation/, /^queue/, /^output/],
  runs: [/^a long conversation/, /^state/, /^overlapping/],
};

/** Facts and tests of the honest engine, one of each kind. */
export async function openCourt(guests, { sites = FIRST } = {}) {
  const courts = new Map();
  for (const slices of [false, true]) {
    const setup = {
      engine: new URL("./liar.mjs", import.meta.url),
      export: "liar",
      options: { slices },
      guests,
      escapes: new URL("../engines/toy-escapes.mjs", import.meta.url),
      patienceMs: PATIENCE_MS,
    };
    const plan = makePlan(setup);
    const known = await findFacts(plan, async () => liarWith(undefined, { slices }));
    const tests = listTests(known.facts)
      .flatMap((group) => group.tests)
      .filter((test) => !test.fresh && !NOT_HERE.test(test.id));
    courts.set(slices, { known, plan, tests });
  }
  return {
    /** Tests that could find a lie, likeliest first. */
    tests(lie) {
      const { tests } = courts.get(lie.slices);
      const first = sites[lie.site] ?? [];
      const rank = (test) => {
        const at = first.findIndex((pattern) => pattern.test(test.id));
        return at < 0 ? first.length : at;
      };
      return [...tests].sort((a, b) => rank(a) - rank(b));
    },
    /** The first test that rejects it, and what it says; how often the lie was told. `undefined` where all are content. */
    async try(lie, tests = this.tests(lie)) {
      const court = courts.get(lie.slices);
      let told = 0;
      const create = async () =>
        liarWith(lie.mutate === undefined ? undefined : lie, { slices: lie.slices, onTold: () => told++ });
      for (const test of tests) {
        const failure = await outcome(test, court, create);
        if (failure !== undefined) return { test: test.id, failure, told };
      }
      return { test: undefined, failure: undefined, told };
    },
  };
}

async function outcome(test, { known, plan }, create) {
  const { subject } = test;
  const bench = new Bench({
    create,
    shared: undefined,
    engine: plan.engine,
    subject,
    guests: known.guests.get(subject.language),
    validate: known.validate,
    escapes: known.escapes.get(subject.language) ?? [],
    names: plan.names,
    patienceMs: plan.patienceMs * (test.patience ?? 1),
  });
  let failure;
  try {
    await bench.answered(test.run(bench), "the test", 0.8);
  } catch (error) {
    failure = String(error?.message ?? error);
  }
  try {
    await bench.cleanUp();
  } catch (error) {
    failure ??= String(error?.message ?? error);
  }
  return failure;
}

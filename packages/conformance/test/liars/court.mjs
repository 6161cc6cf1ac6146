// Tries liars: runs tests of the kit against one, in this process, until one rejects it. A thousand runs of the whole kit would take days; one test against one liar takes milliseconds.
import { liarWith, listener } from "./liar.mjs";
import { LIES } from "./lies.mjs";

const dist = (file) => import(new URL(`../../dist/${file}`, import.meta.url).href);
const { Bench } = await dist("bench/bench.js");
const { findFacts } = await dist("facts/find-facts.js");
const { listTests } = await dist("suite/test-list.js");
const { makePlan } = await dist("setup/setup.js");

/** Milliseconds after which a test counts as hanging: it waits half of that for what never comes. */
const PATIENCE_MS = 30_000;
/** The same for an engine that tells the truth, which never hangs: on a busy machine it only takes its time. */
const HONEST_MS = 300_000;
/** The same where the liar is known, or who tries it is content with less: lines that never come have their test wait for long. */
const HASTY_MS = 8_000;
/** Whole tests that need a process of their own, or the escapes of the sandbox, which no lie of these is about. */
const NOT_HERE =
  /any text as a payload|^(escapes|the sandbox|crash)|leave no memory|50 times|the host stays within|two calls at a time run|any bytes as a module|ERR_EXT_MEMORY, \d+ times|a module with bytes changed/;

/** Facts and tests of the honest engine, one of each kind: inline, and one that gives the thread back. */
export async function openCourt(guests) {
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
  return new Court(courts);
}

class Court {
  #courts;
  /** By kind of engine: what each test gives occasion for, and what it costs. */
  #seen = new Map();

  constructor(courts) {
    this.#courts = courts;
  }

  /** All that are run here. */
  tests(lie) {
    return this.#courts.get(lie.slices).tests;
  }

  /** Those that give the lie an occasion, as honest runs of them do; the cheapest first. */
  async likely(lie) {
    const seen = await this.#look(lie.slices);
    const own = this.tests(lie).filter(({ id }) => seen.get(id).occasions.has(occasion(lie)));
    return own.sort((a, b) => seen.get(a.id).ms - seen.get(b.id).ms);
  }

  /** The first test that rejects it, and what it says; how often the lie was told. `undefined` where all are content. Where it is `hasty`, a test that hangs rejects it sooner. */
  async try(lie, tests, { hasty = false } = {}) {
    let told = 0;
    const create = async () =>
      liarWith(lie.mutate === undefined ? undefined : lie, { slices: lie.slices, onTold: () => told++ });
    for (const test of tests ?? (await this.likely(lie))) {
      const failure = await outcome(test, this.#courts.get(lie.slices), create, hasty ? HASTY_MS : PATIENCE_MS);
      if (failure !== undefined) return { test: test.id, failure, told };
    }
    return { test: undefined, failure: undefined, told };
  }

  /** What was seen of honest runs, as JSON; for another process. */
  async notes() {
    const notes = [];
    for (const slices of this.#courts.keys())
      for (const [id, { occasions, ms }] of await this.#look(slices)) notes.push([slices, id, [...occasions], ms]);
    return notes;
  }

  know(notes) {
    for (const slices of this.#courts.keys()) {
      const own = notes.filter(([kind]) => kind === slices);
      this.#seen.set(slices, new Map(own.map(([, id, list, ms]) => [id, { occasions: new Set(list), ms }])));
    }
  }

  /** Runs each test once with an engine that tells the truth, and takes note of each time at which a liar would not. */
  #look(slices) {
    if (!this.#seen.has(slices)) this.#seen.set(slices, this.#lookNow(slices));
    return this.#seen.get(slices);
  }

  async #lookNow(slices) {
    const seen = new Map();
    const lies = new Map([...LIES.values()].map((lie) => [occasion(lie), lie]));
    for (const test of this.#courts.get(slices).tests) {
      const occasions = new Set();
      const open = new Map(lies);
      const onEvent = (site, event) => {
        for (const [key, lie] of open)
          if (lie.site === site && lie.when(event)) {
            occasions.add(key);
            open.delete(key);
          }
      };
      const start = performance.now();
      const failure = await outcome(
        test,
        this.#courts.get(slices),
        async () => listener(onEvent, { slices }),
        HONEST_MS,
      );
      if (failure !== undefined) throw new Error(`the honest engine fails "${test.id}": ${failure}`);
      seen.set(test.id, { occasions, ms: performance.now() - start });
    }
    return seen;
  }
}

const occasion = ({ site, time }) => `${site}, ${time}`;

async function outcome(test, { known, plan }, create, patienceMs) {
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
    patienceMs: patienceMs * (test.patience ?? 1),
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

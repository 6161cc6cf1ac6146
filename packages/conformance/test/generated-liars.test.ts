import { describe, expect, it } from "vitest";
import { failuresOf } from "./run-tests.ts";
import { toyGuests } from "./toy-guests.ts";

interface Lie {
  readonly name: string;
  readonly slices: boolean;
}

interface Verdict {
  /** The test that rejects it, `undefined` where none does. */
  readonly test: string | undefined;
  readonly failure: string | undefined;
  readonly told: number;
}

interface Court {
  tests(lie: object): { id: string }[];
  /** Those that give it an occasion; rejects where an engine that tells the truth fails one. */
  likely(lie: object): Promise<{ id: string }[]>;
  try(lie: object, tests?: { id: string }[], options?: { hasty?: boolean }): Promise<Verdict>;
}

// Plain JavaScript, since processes of the kit import it too.
const { LIES } = (await import(here("lies.mjs"))) as { LIES: ReadonlyMap<string, Lie> };
const { openCourt } = (await import(here("court.mjs"))) as { openCourt(guests: string): Promise<Court> };

const guests = toyGuests();
const court = await openCourt(guests);

/**
 * `EXTRUNTIME_LIARS`: `all`, or one in how many, and from which on: `40` or `40+7`. What is tried otherwise is one in 160; `scripts/liars.mjs` tries all, several at a time.
 */
const [stride = 160, first = 0] =
  process.env.EXTRUNTIME_LIARS === "all" ? [1] : (process.env.EXTRUNTIME_LIARS?.split("+").map(Number) ?? []);

/** Tests in which another module has other limits. */
const OF_ANOTHER = /limits.timeoutMs holds|larger than the limit|calls past its bound/;

/** By the test that must reject it, whatever others do. */
const NAMED: readonly (readonly [lie: string, test: RegExp])[] = [
  ["answers: swapped with another module's, always", /a long conversation/],
  ["answers: another module's answer, the 100th time", /a long conversation/],
  ["answers: the answer before, after a rest", /a long conversation/],
  ["answers: null, above 1 MiB", /a long conversation/],
  ["answers: ISO dates rewritten, always", /values come back as the same values/],
  ["answers: text in NFKC, always", /values come back as the same values/],
  ["answers: what passwords are masked, always", /a long conversation/],
  ["errors: that names another function, always", /a guest throws is ERR_EXT_GUEST/],
  ["errors: that names the function before, always", /a long conversation/],
  ["errors: that names the extension before, always", /a long conversation/],
  ["errors: with frames of the host in the guest's stack, always", /a guest throws is ERR_EXT_GUEST/],
  ["errors: with the guest's message before, always", /a long conversation/],
  ["errors: of another code, after an error in another module", /a long conversation/],
  ["loads: that fail with the guest's message lost, always", /code that is no code/],
  ["lines: with a field more, always", /with the names of the extension and the runtime/],
  ["lines: that name another extension, always", /with the names of the extension and the runtime/],
  ["lines: that name the extension before, always", /a long conversation/],
  ["lines: at another's logger, always", /two modules print to their own loggers/],
  ["lines: that wait for the next, always", /a long conversation/],
  ["host calls: are made twice, always", /a long conversation/],
  ["host calls: give another module's answer, always", /a long conversation/],
  ["modules: that count one more of failures, always", /throws a thousand times/],
  ["modules: that count one more of calls, while its calls overlap", /a long conversation/],
  ["closes: that are done before the calls are, always", /done after them and not before/],
  ["closes: that are done when half of the calls are, always", /done after them and not before/],
  ["closes: that abort, told not to abort", /done after them and not before/],
  ["closes of the runtime: that abort, always", /done after them and not before/],
  ["closes of the runtime: that are done before the calls are, told nothing", /done after them and not before/],
  ["closes: that close the others, always", /done after them and not before/],
  ["closes: that are done at once when they come again, always", /done after them and not before/],
  ["closes of the runtime: that are done at once when they come again, told nothing", /done after them and not before/],
  ["loads: with the code of the first of its name, always", /a long conversation/],
  ["loads: with the limits of the first, always", OF_ANOTHER],
  ["loads: with the widest limits, always", OF_ANOTHER],
  ["runs: in a state that is everybody's, always", /no other module sees them/],
  ["runs: twice, always", /a long conversation/],
  ["runs: in a state that is everybody's, above 64 KiB", /a long conversation/],
  ["closes: that never abort, while its calls overlap", /a long conversation|ends though calls never would/],
  ["loads: without the limit of time, after a reload", /limits.timeoutMs holds/],
  ["errors: without the guest's name, above 64 KiB", /a long conversation/],
  ["loads: that fail under another's name, while calls of two modules overlap", /a long conversation/],
  ["calls: without their limit of time, in call", /loop: its caller gets/],
  ["calls: without their signal, in call", /a signal fired during the call/],
  ["calls: with the payload before, always", /a long conversation/],
  ["calls: with half of their time, always", /never up too early/],
];

describe("a liar is rejected by the test that should reject it", () => {
  it.each(NAMED)("%s", async (name, wanted) => {
    const lie = LIES.get(name);
    if (lie === undefined) throw new Error(`there is no lie ${name}`);
    const tests = court.tests(lie).filter(({ id }) => wanted.test(id));
    expect(tests.length).toBeGreaterThan(0);
    expect(await court.try(lie, tests, { hasty: true })).toMatchObject({ test: expect.stringMatching(wanted) });
  });
});

describe(`of ${LIES.size} liars, one in ${stride} is rejected by some test`, { timeout: 300_000 }, () => {
  const chosen = [...LIES.values()].filter((_, i) => i % stride === first);
  const rejected = new Map<string, number>();
  it.each(chosen)("$name", { timeout: 300_000 }, async (lie) => {
    const { test, told } = await court.try(lie);
    // Where no test gave it an occasion to lie it is honest: there are no answers of a number above 1 KiB, for one.
    expect(test === undefined ? told : 0, "all tests are content, and the lie was told so often").toBe(0);
    rejected.set(test ?? "none: no occasion to lie", (rejected.get(test ?? "none: no occasion to lie") ?? 0) + 1);
    if (process.env.EXTRUNTIME_LIARS !== undefined) console.log(`${lie.name}  →  ${test}`);
  });

  it("tells which tests reject how many", () => {
    if (process.env.EXTRUNTIME_LIARS !== undefined)
      for (const [test, count] of [...rejected].sort((a, b) => b[1] - a[1]))
        console.log(`${String(count).padStart(6)}  ${test}`);
    expect(rejected.size).toBeGreaterThan(0);
  });
});

describe("what passes everything but its lie is honest, so that a lie is what is rejected", () => {
  it.each([false, true])("slices: %s", { timeout: 300_000 }, async (slices) => {
    // What the liars of its kind are tried by was found by running all of them with one that tells the truth.
    expect(await court.likely({ site: "none", time: "never", slices })).toEqual([]);
  });
});

describe("a liar that lies only where it is placed is rejected there", () => {
  const setup = (placement: string, lie?: string) => ({
    engine: new URL(here("placed-liar.mjs")),
    export: "placedLiar",
    options: { placement, ...(lie === undefined ? {} : { lie }) },
    guests,
    escapes: new URL("./engines/toy-escapes.mjs", import.meta.url),
  });

  it.concurrent.each([
    ["thread", "every 100th answer is the payload"],
    ["process", "ISO dates are rewritten"],
    ["thread", "state is lost"],
    ["process", "errors name another function"],
    ["thread", "errors lose the guest's name"],
    ["process", "lines are cut"],
    ["thread", "host calls are made twice"],
  ])("in a %s: %s", { timeout: 300_000 }, async (placement, lie) => {
    const failures = await failuresOf(setup(placement, lie), /a long conversation/);
    expect([...failures.keys()]).toHaveLength(1);
  });

  it.concurrent.each(["thread", "process"])("honest in a %s", { timeout: 300_000 }, async (placement) => {
    expect([...(await failuresOf(setup(placement), /a long conversation/))]).toEqual([]);
  });
});

function here(file: string): string {
  return new URL(`./liars/${file}`, import.meta.url).href;
}

import { expect, it } from "vitest";

/** The kit's inside, as it is built. */
const { SMOKE_SET } = (await import(dist("suite/smoke-set.js"))) as { SMOKE_SET: readonly string[] };
const { PROMISES } = (await import(dist("setup/promises.js"))) as { PROMISES: readonly string[] };
const { traitsOf } = (await import(dist("setup/languages.js"))) as { traitsOf(language: string): object };
const { escapesOf } = (await import(dist("escapes/index.js"))) as { escapesOf(language: string): { name: string }[] };
const { kitGuests } = (await import(dist("sources/index.js"))) as { kitGuests(language: string): Map<string, unknown> };
const { listTests } = (await import(dist("suite/test-list.js"))) as {
  listTests(facts: object): { title: string; tests: { name: string; promise: string }[] }[];
};

const CAPABLE = {
  hardSandbox: true,
  deadline: "hard",
  signal: true,
  memoryLimit: true,
  crashIsolation: true,
  parallel: true,
  sync: true,
  hostFunctions: true,
  freshCalls: true,
  nativeAddon: false,
};
const INCAPABLE = {
  ...{ ...CAPABLE, hardSandbox: false, deadline: false, signal: false },
  ...{ memoryLimit: false, sync: false, freshCalls: false },
};

function tests(placement: string, capabilities: object, whole: readonly string[]) {
  const subjects = ["javascript", "python", "wasm"].map((language) => ({
    language,
    traits: traitsOf(language),
    runtime: "any",
    aliases: [],
    placement,
    capabilities,
    guests: [...kitGuests(language).keys(), "loop", "oom"],
    validate: ["validate"],
    escapes: escapesOf(language).map(({ name }) => name),
    repeats: 1,
    whole,
  }));
  return listTests({ subjects, capabilities, placement }).flatMap((group) => group.tests);
}

it("every name of the smoke set is that of a test", () => {
  const all = ["inline", "process"].flatMap((placement) =>
    [CAPABLE, INCAPABLE].flatMap((capabilities) => tests(placement, capabilities, PROMISES)),
  );
  expect(SMOKE_SET.filter((beginning) => !all.some(({ name }) => name.startsWith(beginning)))).toEqual([]);
});

it("it has a test of every promise, and is a part of all", () => {
  const [all, some] = [tests("process", CAPABLE, PROMISES), tests("process", CAPABLE, [])];
  expect(new Set(some.map(({ promise }) => promise))).toEqual(new Set(all.map(({ promise }) => promise)));
  expect(some.length).toBeLessThan(all.length / 2);
});

it("a promise that is tried whole has all of its tests", () => {
  const of = (whole: string[]) =>
    tests("process", CAPABLE, whole).filter(({ promise }) => promise === "memoryLimit").length;
  expect(of(["memoryLimit"])).toBe(of([...PROMISES]));
  expect(of([])).toBeLessThan(of(["memoryLimit"]));
});

function dist(file: string): string {
  return new URL(`../dist/${file}`, import.meta.url).href;
}

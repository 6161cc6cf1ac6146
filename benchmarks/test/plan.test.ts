import { expect, test } from "vitest";
import { parseOptions } from "../src/options.ts";
import { makePlan } from "../src/plan.ts";
import type { SubjectSpec } from "../src/subjects/subject.ts";
import { BARE, engine, PEER } from "./result.ts";

const floor = { ...BARE, source: { from: "floor", floor: "bare-js" } } as SubjectSpec;
const peer = { ...PEER, source: { from: "peer", peer: "piscina" } } as SubjectSpec;
const specs: SubjectSpec[] = [
  spec("native"),
  spec("wasm"),
  { ...spec("wasm"), id: "wasm-rust", primary: false },
  floor,
  peer,
];

function spec(name: string): SubjectSpec {
  return {
    ...engine(name),
    source: { from: "engine", module: name, placement: "inline", fixture: `validate-email/${name}` },
  };
}

function members(...args: string[]) {
  return makePlan(specs, parseOptions(args)).map(({ trial, size, subjects }) => ({
    trial: trial.info.id,
    size,
    subjects: subjects.map(({ id }) => id),
  }));
}

test("a chosen engine brings its variants, the floors and no peers", () => {
  expect(members("--engines", "wasm", "--trials", "serial")).toEqual([
    { trial: "serial", size: "", subjects: ["wasm", "wasm-rust", "bare-js"] },
  ]);
});

test("variants stand in the table of serial calls alone", () => {
  const payload = members("--trials", "payload", "--sizes", "1000");
  expect(payload).toEqual([{ trial: "payload", size: "1000", subjects: ["native", "wasm", "bare-js", "piscina"] }]);
});

test("a quick run keeps peers to the calls, and has fewer sizes", () => {
  const plan = members("--quick");
  const blocks = plan.filter(({ subjects }) => subjects.includes("piscina")).map(({ trial, size }) => trial + size);
  expect(blocks).toEqual(["serial", "concurrent64"]);
  expect(plan.length).toBeLessThan(members().length / 2);
});

test("a trial that is asked for by name takes place in a quick run too", () => {
  expect(members("--quick", "--trials", "pool").map(({ size }) => size)).toEqual(["1", "4", "16", "64"]);
});

test.each([
  ["--engines", "wasn", /there is no wasn; there are native/],
  ["--trials", "speed", /there is no speed; there are serial/],
  ["--sizes", "17", /no chosen trial has the size 17/],
])("%s %s is refused with what there is", (option, value, message) => {
  expect(() => members("--trials", "payload", option, value)).toThrow(message);
});

import assert from "node:assert/strict";
import type { Bench } from "../../bench/bench.ts";
import { loadCaller, mustWait } from "../../bench/host-caller.ts";
import { parsed, refusal, sameJson, show } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import { CORE_FOLDER, KIT_FOLDER } from "../../host/host-folders.ts";
import type { Test } from "../test.ts";

/** What host functions throw, as their guests see it. */
export function thrownTests(subject: Subject): Test[] {
  return [thrown(subject), ...(subject.guests.includes("call-host-caught-more") ? [inFull(subject)] : [])];
}

/** Its name must not be seen by a guest. */
function theHostFunctionThatThrows(what: () => unknown): never {
  throw what();
}

/** What host functions may throw, and what a guest sees of it. */
const THROWN: readonly (readonly [what: () => unknown, name: string, message: string | undefined])[] = [
  [() => new RangeError("out of cheese"), "RangeError", "out of cheese"],
  [() => Object.assign(new Error('no "é😀\0\n'), { name: "Own Error", secret: 1 }), "Own Error", 'no "é😀\0\n'],
  [() => new Error(""), "Error", ""],
  [() => "only text", "Error", "only text"],
  [() => null, "Error", "null"],
  [() => new Proxy(new Error("x"), { get: () => assert.fail("a trap") }), "Error", undefined],
];

function thrown(subject: Subject): Test {
  return {
    name: "what one throws reaches the guest by name and message alone, and a guest can catch it",
    async run(bench) {
      for (const later of mustWait(subject) ? [false, true] : [false]) {
        let what = THROWN[0]![0];
        const module = await loadCaller(bench, () => {
          if (!later) return theHostFunctionThatThrows(what);
          return new Promise((_, reject) => setImmediate(reject, what()));
        });
        for (const [make, name, message] of THROWN) {
          what = make;
          const caught = JSON.parse(await answer(bench, module.invoke("caught", "1"))) as unknown;
          const expected = [name, message ?? (caught as unknown[])[1]];
          assert.deepEqual(caught, expected, "the guest must catch the name and the message of what was thrown");
          const error = await refusal(
            () => answer(bench, module.invoke("call", "1")),
            "ERR_EXT_GUEST",
            "a call that does not catch it",
          );
          assert.ok(error.guest !== undefined, "the error does not tell of the guest");
          if (subject.traits.stacks)
            assert.deepEqual(
              [error.guest.name, error.guest.message],
              expected,
              "name and message must be those thrown",
            );
          expectNoHost(subject, JSON.stringify([caught, error.guest, error.message]));
        }
        const { failures, instancesCreated } = module.stats();
        assert.equal(failures, THROWN.length, "stats must count the failures");
        if (subject.traits.catches)
          assert.ok(instancesCreated <= THROWN.length, "what a host function throws must not cost the instance");
      }
    },
  };
}

function inFull(subject: Subject): Test {
  return {
    name: "what one throws reaches the guest with its code, its data, its causes and its parts, without a stack",
    async run(bench) {
      for (const later of mustWait(subject) ? [false, true] : [false]) {
        const module = await loadCaller(
          bench,
          (value) => {
            if (!later) return theHostFunctionThatThrows(() => aboveOthers(value));
            return new Promise((_, reject) => setImmediate(reject, aboveOthers(value)));
          },
          { guest: "call-host-caught-more", limits: { maxInstances: 2 } },
        );
        const told = (value: number) => [
          42,
          { left: [value, "é"] },
          "beneath",
          "E_BENEATH",
          "at the bottom",
          ["first", "second"],
        ];
        const values = Array.from({ length: 12 }, (_, value) => value);
        const calls = values.map((value) => answer(bench, module.invoke("run", String(value))));
        (await Promise.all(calls)).forEach((text, value) => {
          const caught = parsed(text, "what the guest catches");
          assert.ok(Array.isArray(caught), `the guest must catch an error, and gave ${show(caught)}`);
          const [stacks] = caught.splice(6);
          assert.ok(
            sameJson(caught, told(value)),
            `the guest must catch ${show(told(value))}, and got ${show(caught)}`,
          );
          expectNoHost(subject, JSON.stringify(stacks));
        });
      }
    },
  };
}

/** An error with all that one may have. */
function aboveOthers(value: unknown): Error {
  const cause = new TypeError("beneath", { cause: new Error("at the bottom") });
  return Object.assign(new AggregateError([new Error("first"), new RangeError("second")], "above"), {
    cause: Object.assign(cause, { code: "E_BENEATH" }),
    code: 42,
    data: { left: [value, "é"] },
  });
}

/** Where guests are not to know of the host, not even the kit's own files may be seen. */
function expectNoHost({ capabilities }: Subject, text: string): void {
  assert.ok(!text.includes(theHostFunctionThatThrows.name), `the guest saw the stack of the host: ${show(text)}`);
  if (!capabilities.hardSandbox) return;
  for (const path of [CORE_FOLDER, KIT_FOLDER, "node:internal"])
    assert.ok(!text.includes(path), `the guest saw a file of the host: ${show(text)}`);
}

function answer(bench: Bench, call: Promise<string>): Promise<string> {
  return bench.answered(call, "a call that calls the host");
}

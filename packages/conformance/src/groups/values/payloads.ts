import assert from "node:assert/strict";
import { ExtensionError, type Module } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { expectCode, expectJson, failure, parsed, refusal, show } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import { DIFFERENCES, NOT_JSON, SAME } from "../../values/payload-table.ts";
import type { Group, Test } from "../test.ts";

export function payloadGroup(subject: Subject): Group {
  return {
    name: "payloads",
    promise: "contract",
    tests: [sameEverywhere, differences(subject), notJson(subject), ...sizes, nothing, values, ...badResults(subject)],
  };
}

const sameEverywhere: Test = {
  name: "values come back as the same values, in every language",
  async run(bench) {
    const module = await bench.load("echo");
    for (const { name, payload } of SAME)
      expectJson(await module.invoke("echo", payload), JSON.parse(payload), `the echo of ${name}`);
  },
};

function differences({ language }: Subject): Test {
  return {
    name: "values that languages read differently come back as the documentation says",
    async run(bench) {
      const module = await bench.load("echo");
      for (const { name, payload, by } of DIFFERENCES) {
        const allowed = by[language];
        const answer = await module.invoke("echo", payload).catch((error: unknown) => error);
        if (ExtensionError.is(answer)) {
          assert.ok(allowed === undefined || allowed.includes(answer.code), `${name}: it failed with ${show(answer)}`);
        } else {
          assert.equal(typeof answer, "string", `${name}: it failed with ${show(answer)}`);
          if (allowed === undefined) parsed(answer as string, `the echo of ${name}`);
          else
            assert.ok(
              allowed.includes(answer as string),
              `the echo of ${name} must be ${allowed.map(show).join(" or ")}, and is ${show(answer)}`,
            );
        }
      }
    },
  };
}

/** Where guests receive values none of these may reach the guest; where they receive bytes they come as they are. */
function notJson({ traits, capabilities }: Subject): Test {
  return {
    name: traits.values
      ? "what is not JSON is refused with ERR_EXT_BAD_PAYLOAD, and never reaches the guest"
      : "what is not JSON reaches the guest byte for byte",
    async run(bench) {
      if (!traits.values) {
        const module = await bench.load("echo");
        for (const payload of NOT_JSON)
          assert.equal(await module.invoke("echo", payload), payload === "" ? "null" : payload);
        return;
      }
      const module = await bench.load("counter", { limits: { maxInstances: 1 } });
      for (const payload of NOT_JSON) {
        await refusal(() => module.invoke("next", payload), "ERR_EXT_BAD_PAYLOAD", `the payload ${show(payload)}`);
        if (capabilities.sync)
          await refusal(
            () => module.invokeSync("next", payload),
            "ERR_EXT_BAD_PAYLOAD",
            `the payload ${show(payload)}`,
          );
      }
      assert.equal(await module.call("next"), 1, "the guest ran");
    },
  };
}

const sizes: readonly Test[] = [
  {
    name: "8 MB go through in both directions",
    async run(bench) {
      const text = JSON.stringify("añ€😀".repeat(800_000));
      assert.ok(
        (await (await bench.load("echo")).invoke("echo", text)) === text ||
          JSON.parse(await (await bench.load("echo")).invoke("echo", text)) === JSON.parse(text),
        "it came back changed",
      );
    },
  },
  {
    name: "a long result comes back whole, from a short payload",
    async run(bench) {
      const module = await bench.load("big");
      for (const length of [0, 1, 65_535, 65_536, 1_000_000])
        assert.equal(await module.call("big", length), "x".repeat(length));
    },
  },
  {
    name: "10,000 levels come back, or fail with an error of the contract, and the module works on",
    async run(bench) {
      const module = await bench.load("echo");
      for (const [open, close] of [
        ["[", "]"],
        ['{"a":', "}"],
      ] as const) {
        const usual = `${open.repeat(200)}1${close.repeat(200)}`;
        expectJson(await module.invoke("echo", usual), JSON.parse(usual), "200 levels");
        const payload = `${open.repeat(10_000)}1${close.repeat(10_000)}`;
        const answer = await module.invoke("echo", payload).catch((error: unknown) => error);
        if (typeof answer === "string") assert.equal(answer.replaceAll(/\s/g, ""), payload);
        else expectCode(answer, ["ERR_EXT_BAD_PAYLOAD", "ERR_EXT_BAD_RESULT", "ERR_EXT_GUEST"], "so deep a payload");
        assert.equal(await module.call("echo", 1), 1, "the module does not work afterwards");
      }
    },
  },
];

const nothing: Test = {
  name: "a guest that returns nothing gives null",
  async run(bench) {
    const module = await bench.load("undefined");
    assert.equal(await module.invoke("nothing", "null"), "null");
    assert.equal(await module.call("nothing"), null);
    if (bench.subject.capabilities.sync) assert.equal(module.invokeSync("nothing", "null"), "null");
  },
};

const values: Test = {
  name: "call takes and gives values, and sends undefined as null",
  async run(bench) {
    const module = await bench.load("echo");
    assert.deepEqual(await module.call("echo", { a: [1, "é", null, true] }), { a: [1, "é", null, true] });
    assert.equal(await module.call("echo"), null);
    const odd = '{"__proto__":1,"constructor":[2],"toString":null}';
    assert.equal(JSON.stringify(await module.call("echo", JSON.parse(odd))), odd, "keys that prototypes have");
    await copies(bench, module);
    const join = await bench.load("many");
    assert.deepEqual([await join.call("double", 21), await join.call("join", ["a", "b"])], [42, "a-b"]);
    for (const wrong of [
      () => module.invoke("echo", 1 as unknown as string),
      () => module.invoke(1 as unknown as string, "1"),
      () => module.call("echo", () => 1),
    ])
      assert.ok(
        (await failure(wrong, "a mistake in calling")) instanceof TypeError,
        "a mistake in calling must be a TypeError",
      );
  },
};

/** A value is sent as JSON when the call is made, and what comes back is nobody else's. */
async function copies(bench: Bench, module: Module): Promise<void> {
  const sent = { list: [1], at: new Date(0), not: Number.NaN, gone: undefined };
  const said = { list: [1], at: "1970-01-01T00:00:00.000Z", not: null };
  const call = module.call<{ list: number[] }>("echo", sent);
  sent.list.push(2);
  const back = await bench.answered(call, "a call whose value changes after it");
  assert.deepEqual(back, said, "a value must be sent as JSON has it when the call is made");
  back.list.push(3);
  assert.deepEqual(await module.call("echo", said), said, "two calls have the same object as their answer");
  const alike = { list: [1] };
  const answer = await module.call<{ list: number[] }>("echo", alike);
  assert.ok(answer !== alike && answer.list !== alike.list, "the answer is the object that was sent");
}

/** Results that have no JSON form: an error of the contract, and never text that is not JSON. */
function badResults({ guests }: Subject): Test[] {
  return guests
    .filter((guest) => guest.startsWith("bad-result"))
    .map((guest) => ({
      name: `${guest}: what has no JSON form is ERR_EXT_BAD_RESULT, and the module works on`,
      async run(bench: Bench) {
        const module = await bench.load(guest);
        for (let i = 0; i < 3; i++) await refusal(() => module.call("run", 1), ["ERR_EXT_BAD_RESULT"], "the call");
      },
    }));
}

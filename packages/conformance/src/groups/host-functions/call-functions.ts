import assert from "node:assert/strict";
import { type CallFunctions, type Module, perCall } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { expectNotGranted, loadCaller, mustWait } from "../../bench/host-caller.ts";
import { expectCode, expectJson } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import { HOST_FUNCTION } from "../../sources/kit-guest.ts";
import type { Test } from "../test.ts";

/** Calls that are made one after the other, and as many again at a time. */
const CALLS = 40;

/** Host functions of one call: those of its module, fewer or others, for that call and for no other. */
export function callFunctionTests(subject: Subject): Test[] {
  return [ofOneCall(subject), noMore].map((test) => ({ ...test, shares: true }));
}

/** Who answered which call, by the functions' own word. */
type Answered = Map<number, string[]>;

/** What a call says of its functions, and who answers its guest then: `undefined` for a refusal. */
type Way = (call: number, answered: Answered) => readonly [functions: CallFunctions | undefined, by?: string];

/** The next call has other functions, so that whatever stays is seen. */
const WAYS: readonly Way[] = [
  () => [undefined, "its module"],
  (call, answered) => [{ [HOST_FUNCTION]: answering(answered, `call ${call}`) }, `call ${call}`],
  () => [{}],
  (call, answered) => [{ [HOST_FUNCTION]: answering(answered, `call ${call}`) }, `call ${call}`],
  () => [{ [HOST_FUNCTION]: true }, "its module"],
  (call, answered) => [{ "kit.other": answering(answered, `call ${call}`) }],
  () => [{ [HOST_FUNCTION]: false }],
];

function answering(answered: Answered, by: string) {
  return (value: number) => {
    answered.set(value, [...(answered.get(value) ?? []), by]);
    return [by, value];
  };
}

function ofOneCall(subject: Subject): Test {
  return {
    name: "functions of a call narrow and replace those of its module, for that call alone, whatever runs beside it",
    async run(bench) {
      const runtime = await bench.runtime();
      const answered: Answered = new Map();
      const ofModule = (value: number) => {
        const answer = answering(answered, "its module")(value);
        // Those that answer later do so in another order than they were asked in.
        return mustWait(subject) && value % 2 === 1 ? new Promise((resolve) => setImmediate(resolve, answer)) : answer;
      };
      const load = () => loadCaller(bench, ofModule, { runtime, limits: { maxInstances: 2 } });
      const modules = [await load(), await load()];
      const call = async (i: number) => {
        const [functions, by] = WAYS[i % WAYS.length]!(i, answered);
        const module = modules[i % modules.length]!;
        const text = await bench.answered(
          module.invoke("caught", String(i), functions && { functions }),
          "a call that calls the host",
        );
        if (by === undefined) expectNotGranted(text);
        else expectJson(text, [by, i], `the answer of call ${i}`);
        assert.deepEqual(answered.get(i) ?? [], by === undefined ? [] : [by], `call ${i} called the functions of`);
      };
      for (let i = 0; i < CALLS; i++) await call(i);
      await Promise.all(Array.from({ length: CALLS }, (_, i) => call(CALLS + i)));
      if (subject.capabilities.sync) await expectSync(bench, modules, answered);
    },
  };
}

/** A guest that is asynchronous may be refused; whom its guest has called is looked at all the same. */
async function expectSync(bench: Bench, modules: readonly Module[], answered: Answered): Promise<void> {
  for (let i = 2 * CALLS; i < 2 * CALLS + 2 * WAYS.length; i++) {
    const [functions, by] = WAYS[i % WAYS.length]!(i, answered);
    const module = modules[i % modules.length]!;
    try {
      module.invokeSync("call", String(i), functions && { functions });
    } catch (error) {
      expectCode(error, ["ERR_EXT_UNSUPPORTED", "ERR_EXT_GUEST"], "invokeSync of a guest that calls the host");
    }
    assert.deepEqual(answered.get(i) ?? [], by === undefined ? [] : [by], `invokeSync ${i} called the functions of`);
    // An asynchronous guest has yet to come to its end.
    await bench.until(() => module.stats().running === 0, "the end of a guest");
  }
}

const noMore: Test = {
  name: "functions of a call give its guest nothing that its manifest does not ask for, and what is offered for calls alone no other call has",
  async run(bench) {
    const runtime = await bench.runtime();
    let calls = 0;
    const own = { [HOST_FUNCTION]: (value: unknown) => [++calls, value] };
    const without = await bench.loadWith(
      "call-host",
      { permissions: ["kit.other"] },
      { hostFunctions: { "kit.other": () => 0 } },
      runtime,
    );
    expectNotGranted(await caught(bench, without, own));
    assert.equal(calls, 0, "a function was called that the manifest does not ask for");
    const module = await bench.loadWith(
      "call-host",
      { permissions: [HOST_FUNCTION] },
      { hostFunctions: { [HOST_FUNCTION]: perCall } },
      runtime,
    );
    for (let round = 1; round <= 3; round++) {
      expectNotGranted(await caught(bench, module, undefined));
      expectJson(await caught(bench, module, own), [round, 1], "the answer of a call's own function");
    }
  },
};

function caught(bench: Bench, module: Module, functions: CallFunctions | undefined): Promise<string> {
  return bench.answered(module.invoke("caught", "1", { functions }), "a call that calls the host");
}

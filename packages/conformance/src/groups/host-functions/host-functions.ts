import assert from "node:assert/strict";
import type { HostFunctionContext, HostFunctions, Module } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { expectNotGranted, expectWait, loadCaller, mustWait } from "../../bench/host-caller.ts";
import { expectJson, failure, refusal, sameJson, show } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import { HOST_FUNCTION } from "../../sources/kit-guest.ts";
import { SAME } from "../../values/payload-table.ts";
import type { Group, Test } from "../test.ts";
import { callFunctionTests } from "./call-functions.ts";
import { callerTests } from "./callers.ts";
import { contextTests } from "./context.ts";
import { thrownTests } from "./thrown.ts";
import { waitingTests } from "./waits.ts";

const MIB = 2 ** 20;

/** `hostFunctions`: guests call what they were granted, and nothing else. Where it is `false`, a load that asks for one is refused. */
export function hostFunctionGroup(subject: Subject): Group {
  return {
    name: "host functions",
    promise: "hostFunctions",
    tests: subject.capabilities.hostFunctions ? declared(subject) : [refused],
  };
}

function declared(subject: Subject): Test[] {
  const { guests } = subject;
  const tests: Test[] = [
    called,
    values,
    large,
    overlapping(subject),
    ...thrownTests(subject),
    notGranted,
    ofItsOwnModule,
    again,
    ...(guests.includes("call-host-together") ? [together] : []),
    ...(guests.includes("call-host-unsendable") ? [unsendable] : []),
    ...(guests.includes("call-host-top-level") ? [topLevel] : []),
  ];
  return [
    ...tests.map((test) => ({ ...test, shares: true })),
    ...callerTests(subject),
    ...callFunctionTests(subject),
    ...contextTests(subject),
    ...waitingTests(subject),
  ];
}

const refused: Test = {
  name: "a load that asks for one is refused with ERR_EXT_UNSUPPORTED, though the host offers it",
  async run(bench) {
    let calls = 0;
    const hostFunctions = { [HOST_FUNCTION]: () => ++calls };
    const permissions = [HOST_FUNCTION];
    const error = await refusal(
      () => bench.loadWith("echo", { permissions }, { hostFunctions }),
      "ERR_EXT_UNSUPPORTED",
      "load",
    );
    assert.ok(error.message.includes(HOST_FUNCTION), `the refusal must name it: ${show(error.message)}`);
    const module = await bench.load("echo", { hostFunctions });
    assert.deepEqual([await module.call("echo", 1), calls], [1, 0], "an extension that asks for none must load");
  },
};

const called: Test = {
  name: "one gets the value and who calls, once, and its answer comes back",
  async run(bench) {
    const seen: unknown[] = [];
    const module = await loadCaller(bench, (value, context) => {
      seen.push([value, { ...context }]);
      assert.ok(Object.isFrozen(context), "the context can be changed");
      return { answer: value };
    });
    const { name: extension, version } = module;
    for (const fn of ["call", "caught"]) {
      expectJson(await answer(bench, module.invoke(fn, '{"a":[1,"é"]}')), { answer: { a: [1, "é"] } }, "the answer");
      assert.equal(seen.length, 1, "the host function must be called once");
      const [value, who] = seen.pop() as unknown[];
      assert.deepEqual(value, { a: [1, "é"] }, "the host function must be given the value");
      const { extension: by, version: of, name, fn: within } = who as HostFunctionContext;
      assert.deepEqual(
        { by, of, name, within },
        { by: extension, of: version, name: HOST_FUNCTION, within: fn },
        "the host function must be told who calls",
      );
    }
    const kept = { list: [] as unknown[] };
    const reused = await loadCaller(bench, (value) => {
      kept.list = [value];
      setImmediate(() => kept.list.push("later"));
      return kept;
    });
    for (let i = 0; i < 3; i++)
      expectJson(await answer(bench, reused.invoke("call", String(i))), { list: [i] }, "the answer when it was given");
    const nothing = await loadCaller(bench, () => undefined);
    expectJson(await answer(bench, nothing.invoke("call", "1")), null, "the answer of a function that returns nothing");
  },
};

const values: Test = {
  name: "values go there and come back as the same values, in every language",
  async run(bench) {
    let sent: unknown;
    const module = await loadCaller(bench, (value) => {
      sent = value;
      return value;
    });
    for (const { name, payload } of SAME) {
      const back = await answer(bench, module.invoke("call", payload));
      const value: unknown = JSON.parse(payload);
      assert.ok(
        sameJson(sent, value),
        `the host function must be given ${name} as ${show(value)}, and got ${show(sent)}`,
      );
      expectJson(back, value, `the answer that is ${name}`);
    }
  },
};

const large: Test = {
  name: "a value of a mebibyte goes there and comes back",
  async run(bench) {
    const module = await loadCaller(bench, (value) => value);
    for (const text of ["x".repeat(MIB), "é€😀".repeat(MIB / 8)]) {
      const back = JSON.parse(await answer(bench, module.invoke("call", JSON.stringify(text)))) as unknown;
      assert.ok(back === text, `${text.length} characters came back as ${show(back)}`);
    }
  },
};

function overlapping(subject: Subject): Test {
  return {
    name: "a thousand calls at a time each make one call of it, and get their own answer",
    async run(bench) {
      const seen = new Map<number, number>();
      const module = await loadCaller(
        bench,
        (value: number) => {
          seen.set(value, (seen.get(value) ?? 0) + 1);
          const own = { own: value };
          // Those that answer later do so in another order than they were asked in.
          if (!mustWait(subject) || value % 3 === 0) return own;
          return new Promise((resolve) => (value % 3 === 1 ? setImmediate(resolve, own) : resolve(own)));
        },
        { limits: { maxInstances: 4 } },
      );
      const calls = Array.from({ length: 1000 }, (_, i) => module.invoke("call", String(i)));
      const answers = await bench.answered(Promise.all(calls), "a thousand calls");
      answers.forEach((text, i) => {
        expectJson(text, { own: i }, `the answer of call ${i}`);
      });
      assert.equal(seen.size, 1000, "some calls never reached the host function");
      for (const [value, times] of seen)
        assert.equal(times, 1, `the host function was called ${times} times for the call ${value}`);
    },
  };
}

const notGranted: Test = {
  name: "one that was not granted is refused with a PermissionError, though the host offers it, and is not called",
  async run(bench) {
    let calls = 0;
    const hostFunctions = { [HOST_FUNCTION]: () => ++calls, "kit.other": (value: unknown) => value };
    const module = await bench.loadWith("call-host", { permissions: ["kit.other"] }, { hostFunctions });
    for (let i = 0; i < 3; i++) {
      const caught = await answer(bench, module.invoke("caught", "1"));
      assert.equal(calls, 0, "a host function was called that the manifest does not ask for");
      expectNotGranted(caught);
    }
    // Without any permission there may be nothing to call with.
    await failure(async () => {
      const none = await bench.loadWith("call-host", { permissions: [] }, { hostFunctions });
      await answer(bench, none.invoke("call", "1"));
    }, "a call by an extension without permissions");
    assert.equal(calls, 0, "a host function was called by an extension without permissions");
  },
};

const ofItsOwnModule: Test = {
  name: "a module has its own, whatever other modules of the runtime were granted",
  async run(bench) {
    const runtime = await bench.runtime();
    const load = (hostFunctions: HostFunctions, permissions = [HOST_FUNCTION]) =>
      bench.loadWith("call-host", { permissions }, { hostFunctions, limits: { maxInstances: 2 } }, runtime);
    const first = await load({ [HOST_FUNCTION]: (value: unknown) => ["first", value] });
    const second = await load({ [HOST_FUNCTION]: (value: unknown) => ["second", value] });
    const third = await load({ "kit.other": () => 1, [HOST_FUNCTION]: () => "not for it" }, ["kit.other"]);
    const modules = [first, second, third];
    const calls = Array.from({ length: 90 }, (_, i) => modules[i % 3]!.invoke("caught", String(i)));
    const answers = await bench.answered(Promise.all(calls), "90 calls");
    answers.forEach((text, i) => {
      if (i % 3 === 2) expectNotGranted(text);
      else assert.deepEqual(JSON.parse(text), [i % 3 === 0 ? "first" : "second", i], "it called another module's");
    });
  },
};

const again: Test = {
  name: "one may call into the module that calls it, which calls it again",
  async run(bench) {
    const module: Module = await loadCaller(
      bench,
      async (depth: number) => (depth === 0 ? "the end" : [await module.call("call", depth - 1)]),
      { limits: { maxInstances: 4 } },
    );
    for (let i = 0; i < 5; i++) await expectWait(bench, module, "2", [["the end"]]);
  },
};

const together: Test = {
  name: "a guest that calls it a hundred times without waiting in between gets each answer",
  async run(bench) {
    const asked = new Map<number, number>();
    const fn = (value: number, { callId }: HostFunctionContext) => {
      asked.set(callId, (asked.get(callId) ?? 0) + 1);
      return value % 2 === 0 ? [value] : new Promise((resolve) => setImmediate(resolve, [value]));
    };
    const module = await loadCaller(bench, fn, { limits: { maxInstances: 2 }, guest: "call-host-together" });
    const list = Array.from({ length: 100 }, (_, i) => i);
    const calls = Array.from({ length: 10 }, () => module.call("run", list));
    for (const back of await bench.answered(Promise.all(calls), "ten calls"))
      assert.deepEqual(
        back,
        list.map((value) => [value]),
      );
    assert.deepEqual([...asked.values()], Array(10).fill(100), "what each call asked for, by the number of the call");
  },
};

const unsendable: Test = {
  name: "a value without JSON form is refused in the guest, and it is not called",
  async run(bench) {
    let calls = 0;
    const module = await loadCaller(bench, () => ++calls, { guest: "call-host-unsendable" });
    const names = await bench.answered(
      module.call<(string | null)[]>("run"),
      "a guest that sends what has no JSON form",
    );
    assert.ok(
      names.length > 0 && names.every((name) => name !== null),
      `each must be an error in the guest: ${show(names)}`,
    );
    assert.equal(calls, 0, "it was called");
  },
};

const topLevel: Test = {
  name: "a top level that calls it loads or fails, and does not hang",
  async run(bench) {
    const runtime = await bench.runtime();
    for (let i = 0; i < 3; i++) {
      const loaded = bench
        .answered(
          loadCaller(bench, (value) => value, { guest: "call-host-top-level", runtime }),
          "load",
        )
        .then((module) => bench.answered(module.invoke("run", "1"), "the call after it"));
      await loaded.catch((error: unknown) => refusal(() => Promise.reject(error), "ERR_EXT_GUEST", "load"));
    }
    assert.equal(await (await bench.load("echo", undefined, runtime)).call("echo", 1), 1);
  },
};

function answer(bench: Bench, call: Promise<string>): Promise<string> {
  return bench.answered(call, "a call that calls the host");
}

import assert from "node:assert/strict";
import type { HostFunctionContext, HostFunctions, Module } from "extruntime";
import { mustWait } from "../../bench/host-caller.ts";
import { expectJson } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import { HOST_FUNCTION } from "../../sources/kit-guest.ts";
import type { Test } from "../test.ts";

/** Milliseconds in which what was put off would run. Nothing passes for being slow: a call that comes later is not seen. */
const AFTERWARDS_MS = 150;

/** Which function is called, in whose name, and when. */
export function callerTests(subject: Subject): Test[] {
  return [named, inTheirNames(subject), notAfterClose].map((test) => ({ ...test, shares: true }));
}

const named: Test = {
  name: "the one that is named is called, whatever else was granted, in whatever order",
  async run(bench) {
    const runtime = await bench.runtime();
    const others = ["kit.another", "kit.call.more", "kit", "a.first", "z.last"];
    for (const permissions of [
      [...others, HOST_FUNCTION],
      [HOST_FUNCTION, ...others],
      [...others.slice(2), HOST_FUNCTION, ...others.slice(0, 2)],
    ]) {
      const called: string[] = [];
      const answer = (own: string) => (value: unknown, context: HostFunctionContext) => {
        called.push(`${own} as ${context.name}`);
        return [own, value];
      };
      const hostFunctions: HostFunctions = Object.fromEntries(
        [...permissions].reverse().map((name) => [name, answer(name)]),
      );
      const module = await bench.loadWith("call-host", { permissions }, { hostFunctions }, runtime);
      for (let i = 0; i < 5; i++) {
        const text = await bench.answered(module.invoke("call", String(i)), "a call that calls the host");
        expectJson(text, [HOST_FUNCTION, i], "the answer");
      }
      assert.deepEqual(
        called,
        Array(5).fill(`${HOST_FUNCTION} as ${HOST_FUNCTION}`),
        "another host function was called",
      );
    }
  },
};

function inTheirNames(subject: Subject): Test {
  return {
    name: "modules that call at a time call in their own names, and get their own answers",
    async run(bench) {
      const runtime = await bench.runtime();
      const waiting: (() => void)[] = [];
      const wrong: unknown[] = [];
      const load = async (name: string) => {
        const answer = (value: unknown, context: HostFunctionContext) => {
          if (context.extension !== name || context.name !== HOST_FUNCTION) wrong.push([name, { ...context }]);
          const own = [name, value];
          if (!mustWait(subject)) return own;
          // Those who asked last are answered first.
          return new Promise((resolve) => {
            waiting.push(() => resolve(own));
            setImmediate(() => waiting.pop()?.());
          });
        };
        return bench.loadWith(
          "call-host",
          { name, permissions: [HOST_FUNCTION] },
          { hostFunctions: { [HOST_FUNCTION]: answer }, limits: { maxInstances: 2 } },
          runtime,
        );
      };
      const modules = [await load("caller-one"), await load("caller-two"), await load("caller-three")];
      const calls = Array.from({ length: 150 }, (_, i) =>
        modules[i % 3]!.invoke(i % 2 === 0 ? "call" : "caught", String(i)),
      );
      const answers = await bench.answered(Promise.all(calls), "150 calls of three modules");
      answers.forEach((text, i) => {
        expectJson(text, [modules[i % 3]!.name, i], `the answer of call ${i}`);
      });
      assert.deepEqual(wrong.slice(0, 3), [], "a host function was called in another name");
    },
  };
}

const notAfterClose: Test = {
  name: "none is called once its module is closed",
  async run(bench) {
    const runtime = await bench.runtime();
    for (const abort of [true, false]) {
      let calls = 0;
      const hostFunctions = { [HOST_FUNCTION]: (value: unknown) => [++calls, value] };
      const open = (): Promise<Module> =>
        bench.loadWith(
          "call-host",
          { permissions: [HOST_FUNCTION] },
          { hostFunctions, limits: { maxInstances: 2 } },
          runtime,
        );
      const module = await open();
      await bench.answered(module.invoke("call", "0"), "a call that calls the host");
      const under = Promise.allSettled(Array.from({ length: 20 }, (_, i) => module.invoke("call", String(i))));
      await bench.answered(module.close({ abort }), `close({ abort: ${abort} })`);
      const before = calls;
      await bench.answered(under, "the calls that were running");
      await new Promise((resolve) => setTimeout(resolve, AFTERWARDS_MS));
      assert.equal(calls, before, "a host function was called by a module that was closed");
      if (!abort) assert.equal(calls, 21, "close() waits for calls, each of which calls the host function once");
    }
  },
};

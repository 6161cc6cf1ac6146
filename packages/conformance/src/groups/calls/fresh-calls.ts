import assert from "node:assert/strict";
import type { Module } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { refusal } from "../../expect/expect.ts";
import { residentBelow } from "../../expect/processes.ts";
import { type Subject, times } from "../../facts/facts.ts";
import { HOST_FUNCTION } from "../../sources/kit-guest.ts";
import type { Group, Test } from "../test.ts";

const FRESH = { fresh: "call" } as const;
/** Calls that leave traces, each followed by a look. */
const ROUNDS = 120;
/** Of each other way in which a call ends. */
const ENDS = 4;
const OVERLAPPING = 150;
/** Milliseconds that a loop gets. */
const TIMEOUT_MS = 40;
/** Calls that keep 8 MiB each, and what may be left of them, in mebibytes: far less than all of them keep together. */
const FILLS = 60;
const MOST_LEFT_MB = 240;
const LIMIT_MB = 48;
const MIB = 2 ** 20;

/** `freshCalls`: nothing of one call is seen by the next, in whatever way it ended. */
export function freshCallsGroup(subject: Subject): Group {
  const { capabilities } = subject;
  return { name: "fresh calls", promise: "freshCalls", tests: capabilities.freshCalls ? kept(subject) : [refused] };
}

const refused: Test = {
  name: "limits.fresh is refused with ERR_EXT_UNSUPPORTED, from the manifest and from the host",
  async run(bench) {
    await refusal(() => bench.load("echo", { limits: FRESH }), "ERR_EXT_UNSUPPORTED", "load");
    const error = await refusal(() => bench.loadWith("echo", { limits: FRESH }), "ERR_EXT_UNSUPPORTED", "load");
    assert.match(error.message, /limits\.fresh/);
  },
};

function kept(subject: Subject): Test[] {
  const { capabilities, guests } = subject;
  const limits = { ...FRESH, maxInstances: 1, ...(capabilities.memoryLimit ? { memoryMb: LIMIT_MB } : {}) };
  const answers = times(ROUNDS, subject);
  const open = (bench: Bench, guest = "fresh") => bench.load(guest, { limits });
  const tests: Test[] = [
    {
      name: `a call finds nothing of the one before it, ${answers} times`,
      run: async (bench) => rounds(await open(bench), answers, (module, i) => module.call("leave", i)),
    },
    {
      name: "nor of one that failed, and calls after that one neither",
      run: async (bench) => {
        const fail = (module: Module, i: number) => refusal(() => module.call("fail", i), "ERR_EXT_GUEST", "the call");
        const module = await open(bench);
        await rounds(module, ENDS, fail);
        await rounds(module, ENDS, (each, i) => each.call("leave", i));
      },
    },
    {
      name: "a manifest, the host's limits and load's fresh ask for it alike, and a module tells; where nobody asks, globals last",
      async run(bench) {
        const runtime = await bench.runtime();
        for (const module of [
          await bench.loadWith("counter", { limits: FRESH }, undefined, runtime),
          await bench.load("counter", { limits: FRESH }, runtime),
          await bench.load("counter", { fresh: true }, runtime),
        ]) {
          assert.equal(module.limits.fresh, "call");
          for (let i = 0; i < 10; i++) assert.equal(await module.call("next"), 1, "a count must begin in each call");
        }
        const lasting = await bench.load("counter", { limits: { maxInstances: 1 } }, runtime);
        assert.equal(lasting.limits.fresh, undefined);
        assert.deepEqual([await lasting.call("next"), await lasting.call("next")], [1, 2], "globals last");
      },
    },
    {
      name: "calls that overlap find nothing of each other, and each has its own answer",
      async run(bench) {
        const module = await bench.load("fresh", { limits: { ...FRESH, maxInstances: 3 } });
        const calls = Array.from({ length: OVERLAPPING }, (_, i) =>
          i % 3 === 2 ? module.call("look") : module.call("leave", i),
        );
        const found = await bench.answered(Promise.all(calls), "calls that overlap");
        assert.deepEqual(
          found,
          found.map((_, i) => (i % 3 === 2 ? [] : i)),
        );
        await looks(module, "a call after them");
      },
    },
    memory(limits),
  ];
  if (capabilities.sync)
    tests.push({
      name: "the same holds for invokeSync, beside other calls",
      async run(bench) {
        const module = await open(bench);
        for (let i = 0; i < ENDS * 2; i++) {
          assert.equal(module.invokeSync("leave", String(i)), String(i));
          assert.deepEqual(JSON.parse(module.invokeSync("look", "null")), [], "a synchronous call finds traces");
          await module.call("leave", i);
          assert.deepEqual(JSON.parse(module.invokeSync("look", "null")), [], "after a call that is not synchronous");
        }
      },
    });
  if (capabilities.deadline !== false)
    tests.push({
      name: "nor of one that was stopped at its deadline",
      run: async (bench) =>
        rounds(await open(bench), ENDS, (module, i) => {
          const call = module.call("forever", i, { timeoutMs: TIMEOUT_MS });
          return refusal(() => bench.answered(call, "a loop"), "ERR_EXT_TIMEOUT", "the call");
        }),
    });
  if (capabilities.memoryLimit)
    tests.push({
      name: "nor of one that ran out of memory",
      patience: 2,
      run: async (bench) =>
        rounds(await open(bench), ENDS, (module, i) => {
          const call = module.call("exhaust", i);
          return refusal(() => bench.answered(call, "a guest that allocates"), "ERR_EXT_MEMORY", "the call");
        }),
    });
  if (guests.includes("fresh-table"))
    tests.push({
      name: "nor of one that changed its table and dropped a segment",
      run: async (bench) => {
        const module = await open(bench, "fresh-table");
        await rounds(module, ENDS * 4, (each, i) => each.call("leave", i));
        await rounds(module, ENDS, (each, i) => refusal(() => each.call("fail", i), "ERR_EXT_GUEST", "the call"));
      },
    });
  if (capabilities.hostFunctions) tests.push(hostFunctions);
  if (capabilities.hostFunctions && guests.includes("fresh-host")) tests.push(lateAnswers);
  return tests;
}

async function rounds(module: Module, count: number, end: (module: Module, i: number) => unknown): Promise<void> {
  await looks(module, "the first call");
  for (let i = 0; i < count; i++) {
    await end(module, i);
    await looks(module, `the call after number ${i + 1}`);
    if (i % 8 === 7) await looks(module, "a call after one that only looked");
  }
}

async function looks(module: Module, which: string): Promise<void> {
  const found = await module.call("look");
  assert.deepEqual(found, [], `${which} must find no traces, and what the top level made`);
}

/** What a call keeps goes with it, of the guest's limit and of the host. */
function memory(limits: object): Test {
  return {
    name: `what calls keep goes with them: ${FILLS} calls keep 8 MiB each`,
    fresh: true,
    patience: 2,
    async run(bench) {
      const module = await bench.load("fresh", { limits });
      for (let i = 0; i < 5; i++) assert.equal(await module.call("fill", i), i);
      const before = process.memoryUsage.rss() + residentBelow();
      for (let i = 0; i < FILLS; i++) assert.equal(await module.call("fill", i), i);
      globalThis.gc?.();
      const grown = (process.memoryUsage.rss() + residentBelow() - before) / MIB;
      assert.ok(grown < MOST_LEFT_MB, `${FILLS} calls that kept 8 MiB each have left ${Math.round(grown)} MiB`);
    },
  };
}

const hostFunctions: Test = {
  name: "its host functions answer as ever, and keep what is theirs",
  async run(bench) {
    const counts: number[] = [];
    const hostFunctionsOf = { [HOST_FUNCTION]: (value: unknown) => counts.push(Number(value)) };
    const options = { limits: FRESH, hostFunctions: hostFunctionsOf };
    const module = await bench.loadWith("call-host", { permissions: [HOST_FUNCTION] }, options);
    for (let i = 1; i <= 20; i++)
      assert.equal(await bench.answered(module.call("call", i), "a call of the host"), i, "the host's own count");
    assert.deepEqual(
      counts,
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
  },
};

const lateAnswers: Test = {
  name: "an answer of the host that comes after its call has ended reaches no later call",
  async run(bench) {
    const answers: ((value: unknown) => void)[] = [];
    const hostFunctionsOf = { [HOST_FUNCTION]: () => new Promise((resolve) => answers.push(resolve)) };
    const options = { limits: { ...FRESH, maxInstances: 1 }, hostFunctions: hostFunctionsOf };
    const module = await bench.loadWith("fresh-host", { permissions: [HOST_FUNCTION] }, options);
    for (let i = 0; i < ENDS; i++) {
      const call = bench.answered(module.call("later", i), "a call that does not wait for the host");
      await call.catch(() => {});
      assert.equal(await bench.answered(module.call("look"), "the next call"), null);
      for (const answer of answers.splice(0)) answer("late");
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(await bench.answered(module.call("look"), "a call after the answer"), null, "it found the answer");
    }
  },
};

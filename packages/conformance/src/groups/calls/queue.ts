import assert from "node:assert/strict";
import type { InvokeOptions, Module } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { expectCode } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import type { Group } from "../test.ts";

export function queueGroup({ traits, capabilities }: Subject): Group {
  return {
    name: "the queue",
    promise: "contract",
    tests: [
      {
        name: "calls past its bound fail at once with ERR_EXT_BUSY, and the others are answered",
        run: (bench) => bounded(bench, traits.awaits, 2),
      },
      {
        name: "a queue of 0 takes what can run at once and nothing else",
        run: (bench) => bounded(bench, traits.awaits, 0),
      },
      {
        name: "calls that wait are served in the order in which they came",
        async run(bench) {
          const module = await bench.load(traits.awaits ? "async" : "echo", { limits: { maxInstances: 1 } });
          const order: number[] = [];
          const calls = Array.from({ length: 50 }, (_, i) =>
            module.call(traits.awaits ? "later" : "echo", i).then(() => order.push(i)),
          );
          await bench.answered(Promise.all(calls), "50 calls");
          assert.deepEqual(order, [...Array(50).keys()]);
        },
      },
      {
        name: "calls that wait are served in that order however they were made",
        run: (bench) => mixed(bench, capabilities),
      },
    ],
  };
}

/** One that has a limit or a signal, or is made by another method, has no other place than the next: the guest counts them. */
async function mixed(bench: Bench, { deadline, signal }: Subject["capabilities"]): Promise<void> {
  const module = await bench.load("counter", { limits: { maxInstances: 1 } });
  const options = (i: number): InvokeOptions => ({
    ...(i % 3 === 1 && deadline !== false ? { timeoutMs: 600_000 } : {}),
    ...(i % 5 === 2 && signal !== false ? { signal: new AbortController().signal } : {}),
  });
  const calls = Array.from({ length: 50 }, (_, i) =>
    i % 2 === 0
      ? module.call<number>("next", i, options(i))
      : module.invoke("next", String(i), options(i)).then(Number),
  );
  const counts = await bench.answered(Promise.all(calls), "50 calls");
  // On a busy machine an instance that is held up is set aside, and the next one counts from 1.
  const begun = counts.filter((count) => count === 1).length;
  assert.ok(begun <= module.stats().instancesCreated, `${begun} instances have counted from 1`);
  for (const [i, count] of counts.entries())
    assert.ok(count === 1 || count === counts[i - 1]! + 1, `the calls were served as ${counts.join(", ")}`);
}

/** An engine whose calls end within `invoke` never needs the queue: then every call must be answered. */
async function bounded(bench: Bench, awaits: boolean, queue: number): Promise<void> {
  const fn = awaits ? "later" : "echo";
  const runtime = await bench.runtime();
  // Another module's bounds are nothing to it.
  const others = await bench.load("echo", { limits: { maxInstances: 4, maxQueue: 100 } }, runtime);
  const limits = { maxInstances: 1, maxQueue: queue };
  const module = await bench.load(awaits ? "async" : "echo", { limits }, runtime);
  const calls = [module.call<number>(fn, 0)];
  const overlaps = isRunning(module);
  for (let i = 1; i < 10; i++) calls.push(module.call<number>(fn, i));
  const accepted = overlaps ? 1 + queue : 10;
  const { queued, busy } = module.stats();
  assert.equal(queued, overlaps ? queue : 0, "stats must count the calls that wait");
  assert.equal(busy, overlaps ? 1 : 0, "stats must count the instances that hold a call");
  const outcomes = await bench.answered(Promise.allSettled(calls), "ten calls");
  outcomes.forEach((outcome, i) => {
    if (i < accepted) {
      assert.deepEqual(outcome, { status: "fulfilled", value: i }, `call ${i} had room`);
    } else {
      assert.equal(outcome.status, "rejected", `call ${i} is past the queue of ${queue}, and was taken`);
      expectCode((outcome as PromiseRejectedResult).reason, "ERR_EXT_BUSY", `call ${i}`);
    }
  });
  assert.equal(module.stats().refused, 10 - accepted, "stats must count the calls that were refused");
  assert.equal(await module.call(fn, 11), 11, "the module does not work afterwards");
  const many = Array.from({ length: 50 }, (_, i) => others.call("echo", i));
  assert.deepEqual(await bench.answered(Promise.all(many), "50 calls of another module"), [...Array(50).keys()]);
}

function isRunning(module: Module): boolean {
  return module.stats().running === 1;
}

import assert from "node:assert/strict";
import { ExtensionError, type Module } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { Neighbours } from "../../bench/neighbours.ts";
import { expectCode, failure, refusal, show } from "../../expect/expect.ts";
import { expectIdle } from "../../expect/processor-time.ts";
import { type Subject, times } from "../../facts/facts.ts";
import { loopsOf } from "../../sources/guests.ts";
import type { Group, Test } from "../test.ts";
import { queuedDeadlines } from "./abort-queue.ts";

/** Milliseconds that a loop gets. How long its caller really waits is not looked at: the guests never end. */
const TIMEOUT_MS = 30;
const IN_A_ROW = 50;

export function deadlineGroup(subject: Subject): Group {
  const tests = subject.capabilities.deadline === false ? refused : kept(subject);
  return { name: "timeouts", promise: "deadline", tests };
}

const refused: readonly Test[] = [
  {
    name: "a timeout is refused with ERR_EXT_UNSUPPORTED and the remedy",
    async run(bench) {
      const module = await bench.load("echo");
      const error = await refusal(
        () => module.invoke("echo", "1", { timeoutMs: 1000 }),
        "ERR_EXT_UNSUPPORTED",
        "timeoutMs",
      );
      assert.match(error.message, /abort|stop/i);
      if (bench.subject.capabilities.sync)
        await refusal(
          () => module.invokeSync("echo", "1", { timeoutMs: 1000 }),
          "ERR_EXT_UNSUPPORTED",
          "timeoutMs of invokeSync",
        );
      assert.equal(await module.call("echo", 1), 1);
    },
  },
  {
    name: "limits.timeoutMs is refused at the load, from the manifest and from the host",
    async run(bench) {
      await refusal(() => bench.load("echo", { limits: { timeoutMs: 1000 } }), "ERR_EXT_UNSUPPORTED", "load");
      await refusal(() => bench.loadWith("echo", { limits: { timeoutMs: 1000 } }), "ERR_EXT_UNSUPPORTED", "load");
    },
  },
];

function kept(subject: Subject): Test[] {
  const { guests, traits, capabilities } = subject;
  const hard = capabilities.deadline === "hard";
  const loops = loopsOf(guests, hard);
  return [
    ...loops.map((guest) => endless(guest)),
    inARow(traits.catches && guests.includes("loop-catching") ? "loop-catching" : "loop", times(IN_A_ROW, subject)),
    defaults,
    topLevel,
    neighbours,
    ...(capabilities.sync ? [synchronous] : []),
    ...(traits.awaits ? [neverSettles] : []),
    queued,
    ...queuedDeadlines(subject),
    neverEarly,
    nothingLeft,
    mistakes,
  ];
}

function endless(guest: string): Test {
  return {
    name: `${guest}: its caller gets ERR_EXT_TIMEOUT, and the module works on`,
    async run(bench) {
      const runtime = await bench.runtime();
      const other = await bench.load("echo", undefined, runtime);
      const module = await bench.load(guest, { limits: { maxInstances: 1 } }, runtime);
      for (let i = 0; i < 3; i++) await timesOut(bench, module, i === 1 ? "call" : "invoke");
      assert.equal(module.stats().timeouts, 3, "stats must count the timeouts");
      assert.equal(
        await bench.answered(other.call("echo", 7), "another module's call"),
        7,
        "another module does not work afterwards",
      );
      await expectIdle("a call that timed out", bench.patience(0.3));
    },
  };
}

function inARow(guest: string, count: number): Test {
  return {
    name: `${guest}, ${count} times in a row, with good calls between`,
    patience: 2,
    async run(bench) {
      const runtime = await bench.runtime();
      const echo = await bench.load("echo", { limits: { maxInstances: 1 } }, runtime);
      const module = await bench.load(guest, { limits: { maxInstances: 1 } }, runtime);
      for (let i = 0; i < count; i++) {
        await timesOut(bench, module, i % 5 === 3 ? "call" : "invoke");
        assert.equal(await bench.answered(echo.call("echo", i), "a call in between"), i);
      }
      const { instances, running, queued } = module.stats();
      assert.ok(
        instances <= 1 && queued === 0 && running <= 1,
        `stats after ${count} timeouts: ${show(module.stats())}`,
      );
    },
  };
}

async function timesOut(bench: Bench, module: Module, method: "invoke" | "call" = "invoke"): Promise<void> {
  const limits = { timeoutMs: TIMEOUT_MS };
  const fn = module.exports[0]!;
  const call = () =>
    bench.answered<unknown>(
      method === "invoke" ? module.invoke(fn, "1", limits) : module.call(fn, 1, limits),
      "a call that loops for ever",
      0.4,
    );
  const error = await refusal(call, "ERR_EXT_TIMEOUT", "an endless loop");
  assert.equal(error.extension, module.name);
}

const defaults: Test = {
  name: "limits.timeoutMs holds for calls that name none, from the manifest and from the host",
  async run(bench) {
    const runtime = await bench.runtime();
    // What another module has is nothing to these.
    await bench.load("loop", { limits: { timeoutMs: 600_000 } }, runtime);
    const closed = await inTime((limits) => bench.load("loop", { limits }, runtime));
    await closed.close();
    const modules = [
      // Again, under the name of one that was closed.
      await inTime((limits) => bench.load("loop", { limits }, runtime)),
      await inTime((limits) => bench.loadWith("loop", { limits }, undefined, runtime)),
      // What the manifest says the host may lower.
      await inTime((limits) => bench.loadWith("loop", { limits: { timeoutMs: 600_000 } }, { limits }, runtime)),
    ];
    const ends = (module: Module, i: number) =>
      refusal(
        () =>
          bench.answered<unknown>(
            i === 1 ? module.call("forever", 1) : module.invoke("forever", "1"),
            "a call that loops for ever",
          ),
        "ERR_EXT_TIMEOUT",
        "an endless loop",
      );
    await Promise.all(modules.map(ends));
  },
};

/** A load has no more time than a call, and an engine may start a process for it: one that took too long is tried again with twice the time. */
async function inTime(load: (limits: { timeoutMs: number }) => Promise<Module>): Promise<Module> {
  for (let timeoutMs = 200; ; timeoutMs *= 2) {
    try {
      return await load({ timeoutMs });
    } catch (error) {
      if (timeoutMs > 10_000 || !ExtensionError.is(error, "ERR_EXT_TIMEOUT")) throw error;
    }
  }
}

const topLevel: Test = {
  name: "a top level that never ends fails the load with ERR_EXT_TIMEOUT, and the runtime works on",
  async run(bench) {
    const runtime = await bench.runtime();
    for (let i = 0; i < 3; i++) {
      const load = () =>
        bench.answered(
          bench.load("top-level-loop", { limits: { loadTimeoutMs: 100 } }, runtime),
          "load of a top level that loops for ever",
        );
      await refusal(load, "ERR_EXT_TIMEOUT", "load");
    }
    assert.equal(await (await bench.load("echo", undefined, runtime)).call("echo", 1), 1);
    await expectIdle("a top level that was given up", bench.patience(0.3));
  },
};

/** Calls of other modules that run and wait meanwhile have their answers. */
const neighbours: Test = {
  name: "a call that times out costs other modules no call and no state",
  async run(bench) {
    const runtime = await bench.runtime();
    const neighbours = await Neighbours.make(bench, runtime);
    const module = await bench.load("loop", { limits: { maxInstances: 1 } }, runtime);
    for (let i = 0; i < 3; i++) await neighbours.beside(() => timesOut(bench, module, i === 1 ? "call" : "invoke"));
  },
};

const synchronous: Test = {
  name: "invokeSync keeps its timeout too",
  async run(bench) {
    const module = await bench.load("loop");
    for (let i = 0; i < 5; i++)
      await refusal(
        () => module.invokeSync("forever", "1", { timeoutMs: TIMEOUT_MS }),
        "ERR_EXT_TIMEOUT",
        "invokeSync",
      );
    const echo = await bench.load("echo");
    assert.equal(echo.invokeSync("echo", "1", { timeoutMs: 60_000 }), "1");
  },
};

const neverSettles: Test = {
  name: "a guest that waits for what never comes is ended",
  async run(bench) {
    const module = await bench.load("async", { limits: { maxInstances: 1 } });
    for (let i = 0; i < 3; i++) {
      // Some engines see at once that nothing can settle it any more.
      const call = () =>
        bench.answered(module.invoke("never", "1", { timeoutMs: TIMEOUT_MS }), "a call that never settles");
      await refusal(call, ["ERR_EXT_TIMEOUT", "ERR_EXT_GUEST"], "a guest that never settles");
      assert.equal(await bench.answered(module.call("later", i), "the next call"), i);
    }
    await expectIdle("a call that waited for what never comes", bench.patience(0.3));
  },
};

const queued: Test = {
  name: "a call that waits in the queue times out too, and does not run later",
  async run(bench) {
    const module = await bench.load("loop", { limits: { maxInstances: 1 } });
    const calls = Array.from({ length: 5 }, () => module.invoke("forever", "1", { timeoutMs: TIMEOUT_MS }));
    for (const outcome of await bench.answered(Promise.allSettled(calls), "five endless calls"))
      expectCode((outcome as PromiseRejectedResult).reason, "ERR_EXT_TIMEOUT", "an endless loop");
    assert.equal(module.stats().queued, 0);
    await expectIdle("a call that timed out in the queue", bench.patience(0.3));
  },
};

const neverEarly: Test = {
  name: "a timeout is never up too early",
  async run(bench) {
    const module = await bench.load("loop", { limits: { maxInstances: 1 } });
    for (let i = 0; i < 20; i++) {
      const timeoutMs = 5 + i;
      const start = performance.now();
      await refusal(() => module.invoke("forever", "1", { timeoutMs }), "ERR_EXT_TIMEOUT", "an endless loop");
      const ms = performance.now() - start;
      assert.ok(ms >= timeoutMs, `a timeout of ${timeoutMs} ms was up after ${ms.toFixed(2)} ms`);
    }
  },
};

const nothingLeft: Test = {
  name: "a call that ended in its time leaves no timer behind that keeps the process alive",
  async run(bench) {
    const module = await bench.load("echo", { limits: { maxInstances: 1 } });
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    assert.equal(await module.call("echo", 0, { timeoutMs: 600_000 }), 0);
    const before = timers();
    for (let i = 0; i < 20; i++) assert.equal(await module.call("echo", i, { timeoutMs: 600_000 }), i);
    const after = timers();
    // Some may come and go for other reasons.
    assert.ok(after < before + 10, `${before} timers were there before 20 calls with a limit, and ${after} after them`);
  },
};

const mistakes: Test = {
  name: "a timeout that is no time is a TypeError",
  async run(bench) {
    const module = await bench.load("echo");
    for (const timeoutMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, "5" as unknown as number])
      assert.ok(
        (await failure(() => module.invoke("echo", "1", { timeoutMs }), `timeoutMs ${timeoutMs}`)) instanceof TypeError,
        `timeoutMs ${timeoutMs}`,
      );
  },
};

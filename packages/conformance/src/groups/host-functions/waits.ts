import assert from "node:assert/strict";
import type { Module } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { expectWait, Keeper, loadCaller, mustWait } from "../../bench/host-caller.ts";
import { expectCode, expectJson, failure, show } from "../../expect/expect.ts";
import { descendants, kill } from "../../expect/processes.ts";
import { expectIdle } from "../../expect/processor-time.ts";
import type { Subject } from "../../facts/facts.ts";
import type { Test } from "../test.ts";

/** Milliseconds for a call whose host function never answers. How long its caller really waits is not looked at. */
const TIMEOUT_MS = 30;
const TIMEOUTS = 50;
const AT_A_TIME = 10;
/** Milliseconds in which a call that an engine runs again would call its host function again. */
const AGAIN_MS = 300;

/** Host functions that answer later or never, and guests that wait for them. */
export function waitingTests(subject: Subject): Test[] {
  const { capabilities, guests } = subject;
  const stoppable = capabilities.deadline !== false;
  const sharing: Test[] = [
    later,
    ...(guests.includes("call-host-unawaited") ? [unawaited] : []),
    ...(capabilities.sync ? [synchronous, synchronousAgain] : []),
  ];
  return [
    ...sharing.map((test) => ({ ...test, shares: true })),
    ...(stoppable ? [timedOut] : []),
    ...(stoppable && mustWait(subject) ? [beside] : []),
    ...(capabilities.signal === false ? [] : [aborted]),
    ...(stoppable && guests.includes("call-host-top-level") ? [topLevel] : []),
    closed,
    ...(capabilities.crashIsolation && subject.placement === "process" ? [crashed] : []),
  ];
}

const later: Test = {
  name: "one that answers later is waited for, or the guest gets an error that names it where it cannot wait",
  async run(bench) {
    const module = await loadCaller(bench, (value) => new Promise((resolve) => setImmediate(resolve, [value])));
    for (let i = 0; i < 10; i++) await expectWait(bench, module, String(i), [i]);
  },
};

const SERVED = 3;

/** The module serves, with the right answer, also once the late ones have come. */
async function servesOn(bench: Bench, module: Module, keeper: Keeper): Promise<void> {
  keeper.keeps = false;
  for (let value = 1; value <= SERVED; value++) {
    expectJson(await bench.answered(module.invoke("call", `[${value}]`), "the next call"), [value], "the next answer");
    keeper.answerLate();
  }
  keeper.keeps = true;
}

const timedOut: Test = {
  name: `one that never answers: its caller gets ERR_EXT_TIMEOUT, ${TIMEOUTS} times, and its late answer does no harm`,
  patience: 2,
  async run(bench) {
    const runtime = await bench.runtime();
    const keeper = new Keeper();
    const echo = await bench.load("echo", { limits: { maxInstances: 1 } }, runtime);
    const module = await loadCaller(bench, keeper.fn, { limits: { maxInstances: AT_A_TIME }, runtime });
    for (let i = 0; i < TIMEOUTS; i += AT_A_TIME) {
      const calls = Array.from({ length: AT_A_TIME }, () => module.invoke("call", "1", { timeoutMs: TIMEOUT_MS }));
      const outcomes = Promise.allSettled(calls);
      assert.equal(await bench.answered(echo.call("echo", i), "another module's call meanwhile"), i);
      for (const outcome of await bench.answered(outcomes, "calls whose host function never answers", 0.4))
        expectCode(reasonOf(outcome), endsOf(bench.subject, "ERR_EXT_TIMEOUT"), "a call that waits for ever");
      await servesOn(bench, module, keeper);
    }
    const { running, queued, instances } = module.stats();
    assert.ok(
      queued === 0 && running <= AT_A_TIME && instances <= AT_A_TIME,
      `stats afterwards: ${show(module.stats())}`,
    );
    await bench.until(() => module.stats().running === 0, "the end of all calls, whose callers were told before");
    await expectIdle("a call whose host function never answers", bench.patience(0.2));
    const made = TIMEOUTS + (TIMEOUTS / AT_A_TIME) * SERVED;
    assert.ok(keeper.calls > 0 && keeper.calls <= made, `${made} calls called it ${keeper.calls} times`);
  },
};

/** A call that waits for its host function is on no thread, and loses nothing when another is ended. */
const beside: Test = {
  name: "one that answers late answers, though calls of the same module that wait beside it time out",
  async run(bench) {
    const keeper = new Keeper();
    const module = await loadCaller(bench, keeper.fn, { limits: { maxInstances: 3 } });
    const asked = keeper.asked();
    const waiting = module.invoke("call", "1");
    waiting.catch(() => {});
    await bench.answered(asked, "the call of the host function");
    for (let i = 0; i < 3; i++)
      expectCode(
        await failure(
          () =>
            bench.answered(module.invoke("call", "2", { timeoutMs: TIMEOUT_MS }), "a call that waits for ever", 0.4),
          "the call",
        ),
        "ERR_EXT_TIMEOUT",
        "a call that waits for ever",
      );
    keeper.answerLate();
    expectJson(await bench.answered(waiting, "the call that waited longer"), "late", "its answer");
  },
};

const aborted: Test = {
  name: "one that never answers: a signal rejects the call with its reason, and the module works on",
  async run(bench) {
    const keeper = new Keeper();
    const module = await loadCaller(bench, keeper.fn, { limits: { maxInstances: 1 } });
    for (let i = 0; i < 3; i++) {
      const controller = new AbortController();
      const reason = new Error("the user went away");
      const asked = keeper.asked();
      const call = module.invoke("call", "1", { signal: controller.signal });
      const outcome = failure(() => bench.answered(call, "a call that was aborted", 0.4), "the call");
      await bench.answered(asked, "the call of the host function");
      controller.abort(reason);
      const error = await outcome;
      if (mustWait(bench.subject)) assert.equal(error, reason, `it rejected with ${show(error)}`);
      else if (error !== reason) expectCode(error, "ERR_EXT_GUEST", "the call");
      await servesOn(bench, module, keeper);
    }
  },
};

const topLevel: Test = {
  name: "one that never answers a top level: the load ends",
  async run(bench) {
    const runtime = await bench.runtime();
    const keeper = new Keeper();
    const options = { guest: "call-host-top-level", limits: { loadTimeoutMs: 100 }, runtime };
    const load = bench.answered(loadCaller(bench, keeper.fn, options), "load");
    const error = await load.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error !== undefined) expectCode(error, ["ERR_EXT_TIMEOUT", "ERR_EXT_GUEST"], "load");
    keeper.answerLate();
    assert.equal(await (await bench.load("echo", undefined, runtime)).call("echo", 1), 1);
  },
};

const unawaited: Test = {
  name: "a guest that returns without waiting for it: the answer does no harm when it comes",
  async run(bench) {
    const keeper = new Keeper();
    const limits = { maxInstances: 1 };
    const module = await loadCaller(bench, keeper.fn, { guest: "call-host-unawaited", limits });
    for (let i = 0; i < 20; i++) {
      const text = await bench.answered(module.invoke("run", String(i)), "a guest that does not wait");
      expectJson(text, null, "what it returns");
      if (i % 2 === 1) keeper.answerLate();
    }
    await bench.answered(module.close(), "close()");
    keeper.answerLate();
  },
};

const closed: Test = {
  name: "one that never answers: close({ abort: true }) ends, and the calls fail",
  async run(bench) {
    const runtime = await bench.runtime();
    const keeper = new Keeper();
    const module = await loadCaller(bench, keeper.fn, { limits: { maxInstances: 1 }, runtime });
    const asked = keeper.asked();
    const calls = Promise.allSettled([module.invoke("call", "1"), module.invoke("call", "2")]);
    await bench.answered(asked, "the call of the host function");
    await bench.answered(module.close({ abort: true }), "close({ abort: true })");
    for (const outcome of await bench.answered(calls, "the calls that were aborted"))
      expectCode(reasonOf(outcome), endsOf(bench.subject, "ERR_EXT_CLOSED"), "a call that close aborted");
    keeper.answerLate();
    await servesOn(bench, await loadCaller(bench, keeper.fn, { runtime }), keeper);
  },
};

const crashed: Test = {
  name: "a process that is killed while its guest waits costs the call, and the late answer does no harm",
  async run(bench) {
    const before = new Set(await descendants());
    const keeper = new Keeper();
    const module = await loadCaller(bench, keeper.fn, { limits: { maxInstances: 1 } });
    for (let i = 0; i < 2; i++) {
      keeper.calls = 0;
      const asked = keeper.asked();
      const call = failure(
        () => bench.answered(module.invoke("call", "1"), "a call whose process is gone"),
        "the call",
      );
      await bench.answered(asked, "the call of the host function");
      kill((await descendants()).filter((pid) => !before.has(pid)));
      expectCode(await call, "ERR_EXT_CRASHED", "a call whose process was killed");
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      assert.equal(keeper.calls, 1, "a call that crashed was run again: its host function was called twice");
      // All processes of the engine were: one more call may find its own gone.
      keeper.keeps = false;
      await bench.answered(module.invoke("call", "0"), "the call after it").catch(() => {});
      await servesOn(bench, module, keeper);
    }
  },
};

/** Where a guest calls the host with a promise, `invokeSync` may be refused for it, as for every asynchronous guest of the engine. */
async function refusesAsync(bench: Bench): Promise<boolean> {
  if (!bench.has("async")) return false;
  const module = await bench.load("async");
  try {
    module.invokeSync("later", "1");
    return false;
  } catch (error) {
    expectCode(error, "ERR_EXT_UNSUPPORTED", "invokeSync of an asynchronous guest");
    return true;
  }
}

const synchronous: Test = {
  name: "invokeSync calls one that answers at once, and fails where it does not",
  async run(bench) {
    const mayRefuse = await refusesAsync(bench);
    let now = true;
    const module = await loadCaller(bench, (value) => (now ? [value] : Promise.resolve("later")), {
      limits: { maxInstances: 4 },
    });
    for (let i = 0; i < 4; i++) {
      const answer = attempt(() => module.invokeSync("call", String(i)));
      if (typeof answer === "string") expectJson(answer, [i], "the answer");
      else if (mayRefuse) expectCode(answer, "ERR_EXT_UNSUPPORTED", "invokeSync");
      else assert.fail(`invokeSync must call the host function, and failed with ${show(answer)}`);
      // A call that was refused for being asynchronous may still hold its instance.
      expectJson(await bench.answered(module.invoke("call", "5"), "the next call"), [5], "the next answer");
    }
    now = false;
    const answer = attempt(() => module.invokeSync("call", "1"));
    if (typeof answer === "string") expectJson(answer, "later", "the answer");
    else expectCode(answer, ["ERR_EXT_UNSUPPORTED", "ERR_EXT_GUEST"], "invokeSync of a guest that would have to wait");
    now = true;
    expectJson(await bench.answered(module.invoke("call", "6"), "the next call"), [6], "the next answer");
  },
};

const synchronousAgain: Test = {
  name: "one may call into the module that calls it with invokeSync",
  async run(bench) {
    const inner: unknown[] = [];
    const module: Module = await loadCaller(
      bench,
      (depth: number) => {
        if (depth === 0) return "the end";
        inner.push(attempt(() => module.invokeSync("call", String(depth - 1))));
        return depth;
      },
      { limits: { maxInstances: 4 } },
    );
    for (let i = 0; i < 3; i++)
      expectJson(await bench.answered(module.invoke("call", "1"), "a call in a call"), 1, "the answer");
    // Without an instance that is free at once it is refused, and an asynchronous guest may be.
    for (const each of inner)
      if (typeof each === "string") expectJson(each, "the end", "the answer of the call in the call");
      else expectCode(each, ["ERR_EXT_BUSY", "ERR_EXT_UNSUPPORTED"], "the call in the call");
    assert.equal(inner.length, 3);
  },
};

function attempt(call: () => string): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}

/** How a call whose host function never answers may end: a guest that cannot wait got an error at once. */
function endsOf(subject: Subject, code: "ERR_EXT_TIMEOUT" | "ERR_EXT_CLOSED") {
  return mustWait(subject) ? ([code] as const) : ([code, "ERR_EXT_GUEST"] as const);
}

function reasonOf(outcome: PromiseSettledResult<string>): unknown {
  return outcome.status === "rejected" ? outcome.reason : assert.fail(`the call must fail, and gave ${outcome.value}`);
}

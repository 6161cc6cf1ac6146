import assert from "node:assert/strict";
import type { InvokeOptions, Limits, Module } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { Keeper, loadCaller, mustWait } from "../../bench/host-caller.ts";
import { expectCode, expectJson, failure, show } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import type { Test } from "../test.ts";

const TIMEOUT_MS = 30;
/** Milliseconds that a call waits for its instance, and that it has in all: where its time began with its guest, it would have nearly twice as much. */
const WAIT_MS = 300;
const DEADLINE_MS = 600;
/** Milliseconds of a call that is in nobody's way. */
const LONG_MS = 600_000;
/** The least of some tries is looked at, since a busy machine may wake its callers late. */
const TRIES = 10;
const LATE_MS = 200;

/** Calls wait in the queue where one can be held up by its host function while it has the only instance. */
function canHold(subject: Subject): boolean {
  return subject.capabilities.hostFunctions && mustWait(subject);
}

export function queuedDeadlines(subject: Subject): Test[] {
  return canHold(subject) ? [heard("timeout", TIMED), fromTheCall] : [];
}

export function queuedSignals(subject: Subject): Test[] {
  return canHold(subject) ? [heard("signal", SIGNALLED)] : [];
}

interface Way {
  options(): InvokeOptions;
  /** What ends the call. */
  end(): void;
  check(error: unknown): void;
}

const TIMED = (): Way => ({
  options: () => ({ timeoutMs: TIMEOUT_MS }),
  end() {},
  check: (error) => expectCode(error, "ERR_EXT_TIMEOUT", "a call whose time is up in the queue"),
});

const SIGNALLED = (): Way => {
  const controller = new AbortController();
  const reason = new Error("the user went away");
  return {
    options: () => ({ signal: controller.signal }),
    end: () => controller.abort(reason),
    check: (error) =>
      assert.equal(error, reason, `it must reject with the signal's reason, and rejected with ${show(error)}`),
  };
};

function heard(what: string, make: () => Way): Test {
  return {
    name: `a ${what} ends a call while it waits in the queue, the one before it goes on, and its guest does not run`,
    async run(bench) {
      for (const method of ["invoke", "call"] as const) await endsInTheQueue(bench, what, make(), method);
    },
  };
}

async function endsInTheQueue(bench: Bench, what: string, way: Way, method: "invoke" | "call"): Promise<void> {
  const keeper = new Keeper();
  const { module, running } = await hold(bench, keeper);
  const waiting: Promise<unknown> =
    method === "invoke" ? module.invoke("call", "2", way.options()) : module.call("call", 2, way.options());
  const ended = failure(
    () => bench.answered(waiting, `a call that a ${what} ends in the queue`, 0.3),
    "the call in the queue",
  );
  const last = module.invoke("call", "3");
  way.end();
  way.check(await ended);
  assert.equal(module.stats().queued, 1, "the call that ended is still in the queue");
  keeper.keeps = false;
  keeper.answerLate();
  expectJson(await bench.answered(running, "the call before it"), "late", "the answer of the call before it");
  expectJson(await bench.answered(last, "the call after it"), 3, "the answer of the call after it");
  assert.equal(keeper.calls, 2, "the guest of the call that ended ran");
}

/** Has the only instance of a module wait for its host function. */
async function hold(
  bench: Bench,
  keeper: Keeper,
  limits: Limits = {},
): Promise<{ module: Module; running: Promise<string> }> {
  const module = await loadCaller(bench, keeper.fn, { limits: { maxInstances: 1, ...limits } });
  const asked = keeper.asked();
  const running = module.invoke("call", "1", limits.timeoutMs === undefined ? undefined : { timeoutMs: LONG_MS });
  await bench.answered(asked, "the call of the host function");
  return { module, running };
}

const fromTheCall: Test = {
  name: "the time of a call begins when it is made, and not with its guest",
  patience: 3,
  // At a time, since both wait for most of it: the call's own limit, and that of its module.
  run: async (bench) => void (await Promise.all([inTime(bench, false), inTime(bench, true)])),
};

async function inTime(bench: Bench, ofModule: boolean): Promise<void> {
  const late: number[] = [];
  const limit = { timeoutMs: DEADLINE_MS };
  for (let i = 0; i < TRIES && !late.some((ms) => ms < LATE_MS); i++) {
    const keeper = new Keeper();
    const { module, running } = await hold(bench, keeper, ofModule ? limit : {});
    const start = performance.now();
    const asked = keeper.asked();
    const call = module.invoke("call", "2", ofModule ? undefined : limit);
    const second = failure(
      () => bench.answered(call, "a call that is kept", 0.4),
      "a call whose host function never answers",
    ).then((error) => {
      late.push(performance.now() - start - DEADLINE_MS);
      return error;
    });
    setTimeout(() => keeper.answerLate(), WAIT_MS);
    await bench.answered(running, "the call before it");
    // Where its time was up before its guest began it is right, too.
    await Promise.race([asked, second]);
    expectCode(await second, "ERR_EXT_TIMEOUT", "a call whose host function never answers");
    await module.close({ abort: true });
  }
  const least = Math.min(...late);
  assert.ok(
    least < LATE_MS,
    `a call with a timeout of ${DEADLINE_MS} ms${ofModule ? " by its module's limit" : ""} that waited for ${WAIT_MS} ms in the queue ended ${Math.round(least)} ms late, ${TRIES} times of ${TRIES}`,
  );
}

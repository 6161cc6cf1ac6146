import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import type { HostFunctionContext } from "extruntime";
import { loadCaller, mustWait } from "../../bench/host-caller.ts";
import { expectCode, expectJson, failure, show } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import type { Test } from "../test.ts";

const CALLS = 60;
/** A limit that no call reaches. */
const AN_HOUR_MS = 3_600_000;
/** Milliseconds for a call whose host function never answers. */
const TIMEOUT_MS = 30;

/** For whom a guest calls the host: what a host function is told of the call, and when that is over. */
export function contextTests(subject: Subject): Test[] {
  return [ofItsCall(subject), ...(mustWait(subject) ? [stopped(subject)] : [])];
}

function ofItsCall(subject: Subject): Test {
  return {
    name: "one is told for which call it is called, whatever runs beside that, and runs where its caller does",
    shares: true,
    async run(bench) {
      const store = new AsyncLocalStorage<number>();
      const contexts = Array.from({ length: CALLS + 1 }, (_, call) => ({ call }));
      const ids: number[] = [];
      const wrong: string[] = [];
      const expect = (what: string, is: unknown, value: number, expected: unknown) => {
        if (is !== expected) wrong.push(`for call ${value} its ${what} is ${show(is)}`);
      };
      const limitOf = (value: number) =>
        subject.capabilities.deadline !== false && value % 2 === 1 ? AN_HOUR_MS + value : undefined;
      const begun = performance.now();
      const module = await loadCaller(bench, (value: number, told: HostFunctionContext) => {
        const { context, fn, signal, callId, deadline } = told;
        const ms = limitOf(value);
        const early = ms === undefined ? Number.POSITIVE_INFINITY : begun + ms;
        const late = ms === undefined ? Number.POSITIVE_INFINITY : performance.now() + ms;
        if (!(deadline >= early && deadline <= late)) wrong.push(`for call ${value} its deadline is ${deadline}`);
        expect("context", context, value, contexts[value]);
        expect("function", fn, value, value % 2 === 0 ? "call" : "caught");
        expect("store", store.getStore(), value, value);
        expect("signal", signal.aborted, value, false);
        ids.push(callId);
        // Those that answer later do so in another order than they were asked in.
        if (!mustWait(subject) || value % 3 === 0 || value === CALLS) return value;
        return new Promise((resolve) => (value % 3 === 1 ? setImmediate(resolve, value) : resolve(value)));
      });
      const call = (value: number) =>
        store.run(value, () =>
          module.invoke(value % 2 === 0 ? "call" : "caught", String(value), {
            context: contexts[value],
            timeoutMs: limitOf(value),
          }),
        );
      const answers = await bench.answered(
        Promise.all(Array.from({ length: CALLS }, (_, value) => call(value))),
        "calls that call the host",
      );
      answers.forEach((text, value) => {
        expectJson(text, value, `the answer of call ${value}`);
      });
      if (subject.capabilities.sync)
        store.run(CALLS, () => {
          try {
            module.invokeSync("call", String(CALLS), { context: contexts[CALLS] });
          } catch (error) {
            // A guest that is asynchronous may be refused; what its host function was told is looked at all the same.
            expectCode(error, "ERR_EXT_UNSUPPORTED", "invokeSync of a guest that calls the host");
          }
        });
      assert.deepEqual(wrong.slice(0, 3), [], "a host function was told of another call");
      assert.equal(new Set(ids).size, ids.length, "two calls have the same number");
    },
  };
}

function stopped(subject: Subject): Test {
  return {
    name: "one is told by its signal when nobody waits for the guest's call any more, and not before",
    async run(bench) {
      const signals: AbortSignal[] = [];
      let keeps = false;
      const module = await loadCaller(bench, (value, { signal }: HostFunctionContext) => {
        signals.push(signal);
        return keeps ? new Promise(() => {}) : value;
      });
      expectJson(await bench.answered(module.invoke("call", "1"), "a call that calls the host"), 1, "the answer");
      keeps = true;
      if (subject.capabilities.deadline !== false) {
        const late = bench.answered(module.invoke("call", "2", { timeoutMs: TIMEOUT_MS }), "a call whose time is up");
        await expectFired(late, () => signals[1]);
      }
      const asked = signals.length;
      const given = bench.answered(module.invoke("call", "3"), "a call whose module is closed");
      await bench.until(() => signals.length > asked, "the call of the host function");
      const closing = module.close({ abort: true });
      await expectFired(given, () => signals[asked]);
      await bench.answered(closing, "close({ abort: true })");
      assert.equal(signals[0]?.aborted, false, "the signal of a call that has its answer has fired");
    },
  };
}

/** The error of the caller is the reason. */
async function expectFired(call: Promise<unknown>, signalOf: () => AbortSignal | undefined): Promise<void> {
  const error = await failure(() => call, "a call whose host function never answers");
  const signal = signalOf();
  // On a slow machine its time may be up before it calls the host.
  if (signal === undefined) return;
  assert.ok(signal.aborted, "the signal of a call that was given up has not fired");
  assert.equal(signal.reason, error, "the signal's reason must be the caller's error");
}

import assert from "node:assert/strict";
import type { Limits, Module } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { loadCaller } from "../../bench/host-caller.ts";
import { failure, refusal } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import type { Group, Test } from "../test.ts";

const LIMIT = 1000;
/** Characters of what is written for people; what is left has to tell what happened. */
const LEGIBLE = 3000;
/** Characters by which a text that is cut may be longer than its bound: it says that it was cut. */
const SAYS_SO = 200;

/** What a guest and its caller hand over is bounded as the limits say, whichever way it goes. */
export function boundsGroup({ capabilities }: Subject): Group {
  const tests = [payloads, results, parsed, texts, ...(capabilities.hostFunctions ? [hostArguments] : [])];
  return { name: "bounds of what is handed over", promise: "contract", tests };
}

/** The same module with the limit from the host and from its manifest, and one of the same runtime without it. */
async function bounded(bench: Bench, guest: string, limits: Limits): Promise<[own: Module[], other: Module]> {
  const runtime = await bench.runtime();
  const own = [
    await bench.load(guest, { limits: { ...limits, maxInstances: 1 } }, runtime),
    await bench.loadWith(guest, { name: "asks", limits: { ...limits, maxInstances: 1 } }, undefined, runtime),
  ];
  return [own, await bench.load(guest, { limits: { maxInstances: 1 } }, runtime)];
}

/** By each method. */
function ways(bench: Bench, module: Module, fn: string, value: unknown): (() => unknown)[] {
  const payload = JSON.stringify(value);
  const later = [() => module.invoke(fn, payload), () => module.call(fn, value)];
  return bench.subject.capabilities.sync ? [...later, () => module.invokeSync(fn, payload)] : later;
}

async function expectRefused(way: () => unknown, code: "ERR_EXT_BAD_PAYLOAD" | "ERR_EXT_BAD_RESULT", limit: string) {
  const error = await refusal(way, code, `what is past limits.${limit}`);
  assert.ok(error.message.includes(`limits.${limit}`), `the message must name limits.${limit}: ${error.message}`);
}

const payloads: Test = {
  name: "a payload past limits.payloadBytes is ERR_EXT_BAD_PAYLOAD, by each method, and the guest does not run",
  async run(bench) {
    const [own, other] = await bounded(bench, "counter", { payloadBytes: LIMIT });
    const [fits, long] = ["x".repeat(LIMIT - 2), "x".repeat(LIMIT - 1)];
    for (const module of own) {
      assert.equal(await module.call("next", fits), 1);
      for (const way of ways(bench, module, "next", long))
        await expectRefused(way, "ERR_EXT_BAD_PAYLOAD", "payloadBytes");
      assert.equal(await module.call("next"), 2, "a guest has run for a payload that was refused, or lost its state");
    }
    assert.equal(await other.call("next", long), 1, "a payload of a module without that limit");
  },
};

const results: Test = {
  name: "a result past limits.resultBytes is ERR_EXT_BAD_RESULT, by each method, and the module works on",
  async run(bench) {
    const [own, other] = await bounded(bench, "big", { resultBytes: LIMIT });
    for (const module of own) {
      for (const way of ways(bench, module, "big", LIMIT))
        await expectRefused(way, "ERR_EXT_BAD_RESULT", "resultBytes");
      assert.equal(await module.call("big", 5), "xxxxx", "the module does not work afterwards");
    }
    assert.equal(await other.call("big", LIMIT), "x".repeat(LIMIT), "a result of a module without that limit");
  },
};

const parsed: Test = {
  name: "what costs more to parse than limits.jsonValues and limits.jsonDepth allow is ERR_EXT_BAD_RESULT for call",
  async run(bench) {
    const [own, other] = await bounded(bench, "echo", { jsonValues: 50, jsonDepth: 20 });
    const many = Array.from({ length: 60 }, (_, i) => i);
    const deep = JSON.parse(`${"[".repeat(30)}1${"]".repeat(30)}`) as unknown;
    for (const module of own) {
      await expectRefused(() => module.call("echo", many), "ERR_EXT_BAD_RESULT", "jsonValues");
      await expectRefused(() => module.call("echo", deep), "ERR_EXT_BAD_RESULT", "jsonDepth");
      assert.deepEqual(
        await module.call("echo", many.slice(30)),
        many.slice(30),
        "the module does not work afterwards",
      );
    }
    assert.deepEqual(await other.call("echo", many), many, "a result of a module without that limit");
  },
};

const texts: Test = {
  name: "an error is cut at limits.errorChars, and a line at limits.lineChars",
  async run(bench) {
    const lines: string[] = [];
    const logger = { info: (message: string) => void lines.push(message) };
    const limits = { errorChars: LEGIBLE, lineChars: LEGIBLE, maxInstances: 1 };
    const print = await bench.load("print", { limits, logger });
    const fail = await bench.load("throw", { limits });
    const long = "y".repeat(3 * LEGIBLE);
    const error = await refusal(() => fail.call("fail", long), "ERR_EXT_GUEST", "a guest that throws a long message");
    const { message, stack } = error.guest!;
    for (const [what, length] of Object.entries({ message: message.length, stack: stack.length }))
      assert.ok(
        length <= LEGIBLE + SAYS_SO,
        `a guest's ${what} has ${length} characters, and limits.errorChars is ${LEGIBLE}`,
      );
    await print.call("print", long);
    await bench.until(() => lines.length > 0, "the arrival of a long line");
    const longest = Math.max(...lines.map((line) => line.length));
    assert.ok(longest <= LEGIBLE + SAYS_SO, `a line has ${longest} characters, and limits.lineChars is ${LEGIBLE}`);
  },
};

const hostArguments: Test = {
  name: "an argument past limits.hostCallBytes fails in the guest, and its host function is not called",
  promise: "hostFunctions",
  async run(bench) {
    let calls = 0;
    const module = await loadCaller(bench, () => ++calls, { limits: { hostCallBytes: LIMIT, maxInstances: 1 } });
    const long = JSON.stringify("x".repeat(LIMIT));
    const caught = await module.invoke("caught", long).then(
      (text) => JSON.parse(text) as unknown,
      () => ["it failed"],
    );
    assert.ok(Array.isArray(caught), "a guest whose argument is too long must get an error");
    await failure(() => module.invoke("call", long), "a guest whose argument is too long");
    assert.equal(calls, 0, "a host function was called with an argument past limits.hostCallBytes");
    assert.equal(await module.invoke("call", "1"), "1", "the module does not work afterwards");
  },
};

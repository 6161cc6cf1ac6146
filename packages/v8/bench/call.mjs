// What one call costs, as ratios to the bare JavaScript loop and to the best use of isolated-vm that we could write by
// hand, all in one process. Figures are medians of interleaved rounds.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { v8 } from "@extruntime/v8";

const ivm = createRequire(import.meta.url)("isolated-vm");
const FIXTURE = fileURLToPath(new URL("../../../fixtures/validate-email/v8/", import.meta.url));
const SOURCE = readFileSync(`${FIXTURE}validate.js`, "utf8");
const PAYLOAD = '{"email":"Ada@Example.org","age":36}';
const ROUNDS = Number(process.env.ROUNDS ?? 41);
const AT_ONCE = 64;
/** Isolates behind the calls at once, by hand and in the module: what the machine has cores for. */
const POOL = 2;
const COPY = { arguments: { copy: true }, result: { copy: true } };
const PER_CALL = "return JSON.stringify(validate(JSON.parse($0)))";

const bare = new Function(`${SOURCE}; return (text) => JSON.stringify(validate(JSON.parse(text)))`)();
const runtime = v8({ limits: { maxInstances: POOL } });
const module = await runtime.load(FIXTURE);
const byHand = Array.from({ length: POOL }, isolate);

/** By group, each measured by itself: ways that litter a heap slow down their neighbours. */
const groups = {
  "on the calling thread": {
    calls: 1000,
    ways: {
      "bare JavaScript": (n) => repeat(n, () => bare(PAYLOAD)),
      "by hand: applySync": (n) => repeat(n, () => byHand[0].dispatch.applySync(undefined, [PAYLOAD])),
      "by hand: a function as a callback": (n) => repeat(n, () => byHand[0].callback(PAYLOAD)),
      "extruntime, invokeSync": (n) => repeat(n, () => module.invokeSync("validate", PAYLOAD)),
    },
  },
  "off the thread, one at a time": {
    calls: 200,
    ways: {
      "by hand: apply": (n) => oneByOne(n, () => byHand[0].dispatch.apply(undefined, [PAYLOAD])),
      "extruntime, invoke": (n) => oneByOne(n, () => module.invoke("validate", PAYLOAD)),
    },
  },
  [`off the thread, ${AT_ONCE} at once, ${POOL} isolates`]: {
    calls: 20 * AT_ONCE,
    ways: {
      "by hand: apply, all sent at once": (n) =>
        atOnce(n, (i) => byHand[i % POOL].dispatch.apply(undefined, [PAYLOAD])),
      "by hand: apply, one call an isolate at a time": (n) => atOnce(n, handPool()),
      "extruntime, invoke": (n) => atOnce(n, () => module.invoke("validate", PAYLOAD)),
    },
  },
  "ways that were not taken": {
    calls: 100,
    ways: {
      "by hand: applySync": (n) => repeat(n, () => byHand[0].dispatch.applySync(undefined, [PAYLOAD])),
      "by hand: objects copied": (n) => repeat(n, () => copyObjects(byHand[0])),
      "by hand: evalClosureSync per call": (n) =>
        repeat(n, () => byHand[0].context.evalClosureSync(PER_CALL, [PAYLOAD])),
    },
  },
};
for (const [title, { calls, ways }] of Object.entries(groups)) {
  await check(ways);
  report(title, await measure(ways, calls));
}
await runtime.close();
for (const { vm } of byHand) vm.dispose();

function isolate() {
  const vm = new ivm.Isolate({ memoryLimit: 128, onCatastrophicError() {} });
  const context = vm.createContextSync();
  context.evalSync(SOURCE);
  const code = "(text) => JSON.stringify(validate(JSON.parse(text)))";
  return {
    vm,
    context,
    dispatch: context.evalSync(code, { reference: true }),
    callback: context.evalSync(code),
    validate: context.evalSync("validate", { reference: true }),
  };
}

/** What a pool by hand would be: a call takes an isolate that is free, or waits for one. */
function handPool() {
  const free = [...byHand];
  const waiting = [];
  const run = async (vm) => {
    const answer = await vm.dispatch.apply(undefined, [PAYLOAD]);
    const next = waiting.shift();
    if (next === undefined) free.push(vm);
    else next(vm);
    return answer;
  };
  return () => {
    const vm = free.pop();
    return vm === undefined ? new Promise((resolve) => waiting.push(resolve)).then(run) : run(vm);
  };
}

function repeat(count, call) {
  let answer;
  for (let i = 0; i < count; i++) answer = call();
  return answer;
}

async function oneByOne(count, call) {
  let answer;
  for (let i = 0; i < count; i++) answer = await call();
  return answer;
}

async function atOnce(count, call) {
  let answers = [];
  for (let i = 0; i < count; i += AT_ONCE)
    answers = await Promise.all(Array.from({ length: AT_ONCE }, (_, j) => call(j)));
  return answers[0];
}

function copyObjects({ validate }) {
  return JSON.stringify(validate.applySync(undefined, [JSON.parse(PAYLOAD)], COPY));
}

async function check(ways) {
  const expected = bare(PAYLOAD);
  for (const [name, run] of Object.entries(ways)) {
    const answer = await run(1);
    if (answer !== expected) throw new Error(`${name} answers ${answer}, not ${expected}`);
  }
}

/** Microseconds of a call. */
async function measure(ways, calls) {
  const times = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  for (let round = -5; round < ROUNDS; round++)
    for (const [name, run] of Object.entries(ways)) {
      const started = performance.now();
      const pending = run(calls);
      if (pending instanceof Promise) await pending;
      if (round >= 0) times[name].push(((performance.now() - started) * 1000) / calls);
    }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

function report(title, times) {
  const best = Math.min(
    ...Object.keys(times).map((name) => (name.startsWith("by hand") ? times[name] : Number.POSITIVE_INFINITY)),
  );
  console.log(`\n| ${title} | µs | × best by hand |\n| --- | --- | --- |`);
  for (const [name, time] of Object.entries(times))
    console.log(`| ${name} | ${time.toFixed(2)} | ${(time / best).toFixed(2)} |`);
}

function median(list) {
  return [...list].sort((a, b) => a - b)[list.length >> 1];
}

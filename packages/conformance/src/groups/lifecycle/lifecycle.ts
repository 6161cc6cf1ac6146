import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { ExtensionError } from "extruntime";
import { expectWait, loadCaller, mustWait } from "../../bench/host-caller.ts";
import { expectJson, refusal, show } from "../../expect/expect.ts";
import { descendants, residentEach } from "../../expect/processes.ts";
import { expectIdle } from "../../expect/processor-time.ts";
import { hasOwnProcesses, type Subject, times } from "../../facts/facts.ts";
import type { Group, Test } from "../test.ts";

const LOADS = 1000;
/** Where each of them starts a process, since modules do not share those. */
const LOADS_OF_PROCESSES = 50;
/** With `repeats`, at the least: more than may be on their way out. */
const FEW_LOADS = 15;
const CALLS = 50_000;
/** Before it is measured, so that compilers and allocators have grown to their size. */
const WARM_CALLS = 10_000;
const HOST_CALLS = 20_000;
/** In a process, where a guest that waits for the host takes a good part of a millisecond. */
const HOST_CALLS_FROM_AFAR = 5_000;
/** Milliseconds for processes to end. */
const PROCESSES_END_MS = 5000;
/** Loads under way at a time. */
const LANES = 4;
const MIB = 2 ** 20;

/** Bytes of JavaScript heap and of memory held by it that a load may leave behind: Node keeps a module that it imported for good. */
const HEAP_PER_LOAD = 16_384;
/** The same of a few loads, among which what a worker that is on its way out holds counts. */
const HEAP_OF_FEW = 2 * MIB;
/** Milliseconds for what is on its way out to go. */
const OUT_MS = 3000;
/** Bytes of resident memory that a thousand loads, or fifty thousand calls, may leave: allocators do not give everything back. */
const RESIDENT = 96 * MIB;
/** Bytes of heap that fifty thousand calls may leave: 40 a call. */
const HEAP_OF_CALLS = 2 * MIB;
/** Bytes of resident memory that a process takes which was started meanwhile, in the place of another or to relieve it. */
const OF_A_PROCESS = 128 * MIB;

/** Of so many calls one fails. */
const FAILING = 5;

/** Parts in which calls are made, to see whether processes grow with each; and the bytes a call by which they must not. */
const PARTS = 5;
/** Parts at the most, where they grow with each: an engine's heap comes to its size late, and what leaks never does. */
const MOST_PARTS = 4 * PARTS;
const STEADY = 512;

/** Leaks, in a process of its own that was started with `--expose-gc`. */
export function lifecycleGroup(subject: Subject): Group {
  const { capabilities, placement } = subject;
  const count = times(placement === "process" ? HOST_CALLS_FROM_AFAR : HOST_CALLS, subject);
  const loads = loadsAndCloses(
    hasOwnProcesses(subject) ? Math.max(FEW_LOADS, times(LOADS_OF_PROCESSES, subject)) : times(LOADS, subject),
  );
  const plain = calls(times(CALLS, subject));
  const tests = [atRest, loads, plain, ...(capabilities.hostFunctions ? [hostCalls(count)] : [])];
  return { name: "lifecycle", promise: "contract", tests };
}

/** What guests left behind, or an engine does in their place, when all callers have their answers. */
const atRest: Test = {
  name: "an engine whose calls are all answered lets the processors be, before and after it is closed",
  async run(bench) {
    const runtime = await bench.runtime();
    const [echo, fail] = [await bench.load("echo", undefined, runtime), await bench.load("throw", undefined, runtime)];
    await Promise.all(Array.from({ length: 20 }, (_, i) => echo.call("echo", i)));
    for (let i = 0; i < 3; i++) await refusal(() => fail.call("fail", i), "ERR_EXT_GUEST", "the call");
    if (bench.subject.capabilities.sync) assert.equal(echo.invokeSync("echo", "1"), "1");
    if (bench.has("async")) assert.equal(await (await bench.load("async", undefined, runtime)).call("later", 1), 1);
    await expectIdle("every call", bench.patience(0.3));
    await runtime.close();
    await expectIdle("every call of a runtime that is closed", bench.patience(0.3));
  },
};

const loadsAndCloses = (count: number): Test => ({
  name: `${count} loads and closes leave no memory, no instances, no processes and no handles behind`,
  fresh: true,
  patience: 10,
  async run(bench) {
    const runtime = await bench.runtime();
    const load = async (i: number) => {
      const module = await bench.load("echo", { limits: { maxInstances: 1 } }, runtime);
      assert.equal(await module.call("echo", i), i);
      await module.close();
    };
    await inLanes(count / 5, load);
    await untilFew(LANES);
    const [before, each] = [await memory(), residentEach()];
    const [handles, processes] = [process.getActiveResourcesInfo().length, (await descendants()).length];
    await inLanes(count, load);
    await untilFew(processes);
    const mostHeap = Math.max(HEAP_OF_FEW, count * HEAP_PER_LOAD);
    let after = await memory();
    for (const end = performance.now() + OUT_MS; after.heap - before.heap > mostHeap && performance.now() < end; ) {
      await sleep(100);
      after = await memory();
    }
    expectLittle(after.heap - before.heap, mostHeap, `heap after ${count} loads`);
    expectLittle(after.resident - before.resident, RESIDENT, `resident memory after ${count} loads`);
    const grown = [process.getActiveResourcesInfo().length - handles, (await descendants()).length - processes];
    const below = grownSince(each, residentEach());
    expectLittle(below, RESIDENT, `resident memory of the engine's processes after ${count} loads`);
    assert.ok(
      grown.every((count) => count <= LANES),
      `${grown[0]} more handles and ${grown[1]} more processes than before`,
    );
  },
});

/** Processes of modules that were closed end soon after. Those that do not are counted by who waits for them in vain. */
async function untilFew(processes: number): Promise<void> {
  for (const end = performance.now() + PROCESSES_END_MS; performance.now() < end; await sleep(100))
    if ((await descendants()).length <= processes) return;
}

const calls = (count: number): Test => ({
  name: `${count} calls, good and failing, leave no memory behind, and each has its own answer`,
  fresh: true,
  patience: 5,
  async run(bench) {
    const runtime = await bench.runtime();
    const limits = { maxInstances: 2 };
    const [echo, fail] = [
      await bench.load("echo", { limits }, runtime),
      await bench.load("throw", { limits }, runtime),
    ];
    const print = await bench.load("print", { limits, logger: { info() {} } }, runtime);
    const filler = "x".repeat(100);
    const call = async (i: number) => {
      const payload = `{"i":${i},"text":"${filler}","list":[1,2,3]}`;
      if (i % FAILING === FAILING - 1) await failsWith(String(i), () => fail.invoke("fail", `"${i}"`));
      else if (i % 10 === 3) assert.equal((await echo.call<{ i: number }>("echo", { i, filler })).i, i);
      else if (i % 10 === 7) assert.equal(await print.invoke("print", `"${i} ${filler}"`), "null");
      else expectOwn(await echo.invoke("echo", payload), payload, i);
      if (i % 10 === 5 && bench.subject.capabilities.sync)
        ifFree(() => expectOwn(echo.invokeSync("echo", payload), payload, i));
    };
    await inLanes(WARM_CALLS, call, 32);
    const before = await memory();
    await watched(count, call, 32, `${count} calls`);
    const after = await memory();
    expectLittle(after.heap - before.heap, HEAP_OF_CALLS, `heap after ${count} calls`);
    expectLittle(after.resident - before.resident, RESIDENT, `resident memory after ${count} calls`);
    assert.ok(echo.stats().instances <= 2);
  },
});

function expectOwn(answer: string, payload: string, i: number): void {
  if (answer !== payload) expectJson(answer, JSON.parse(payload), `the answer of call ${i}`);
}

/** A guest's own error that tells of this call. Without an assertion's cost where all is well: there are ten thousands. */
async function failsWith(text: string, call: () => Promise<string>): Promise<void> {
  const error = await call().then(
    (answer) => answer,
    (thrown: unknown) => thrown,
  );
  if (!ExtensionError.is(error, "ERR_EXT_GUEST") || !error.message.includes(text))
    assert.fail(`a guest that throws ${text} gave ${show(error)}`);
}

function hostCalls(count: number): Test {
  return {
    name: `${count} calls of host functions, good and failing, leave no memory behind, and each has its own answer`,
    promise: "hostFunctions",
    fresh: true,
    patience: 3,
    async run(bench) {
      const answer = (value: { i: number }) => {
        if (value.i % FAILING === FAILING - 1) throw new RangeError(`not ${value.i}`);
        return value.i % 10 === 5 && mustWait(bench.subject) ? Promise.resolve(value) : value;
      };
      const module = await loadCaller(bench, answer, { limits: { maxInstances: 2 } });
      const text = "x".repeat(100);
      const call = async (i: number) => {
        const payload = JSON.stringify({ i, text });
        const fails = i % FAILING === FAILING - 1;
        if (fails && i % 2 === 1) await failsWith("", () => module.invoke("call", payload));
        else if (fails)
          expectJson(await module.invoke("caught", payload), ["RangeError", `not ${i}`], `what call ${i} caught`);
        else if (i % 10 === 5 && mustWait(bench.subject)) await expectWait(bench, module, payload, { i, text });
        else expectOwn(await module.invoke("call", payload), payload, i);
      };
      await inLanes(count / 5, call, 32);
      const before = await memory();
      await watched(count, call, 32, `${count} such calls`);
      const after = await memory();
      // Per call more than above: there are fewer, and what a collector leaves is the same.
      expectLittle(after.heap - before.heap, HEAP_OF_CALLS, `heap after ${count} calls of host functions`);
      expectLittle(after.resident - before.resident, RESIDENT, `resident memory after ${count} such calls`);
      assert.ok(module.stats().instances <= 2);
    },
  };
}

/** A synchronous call does not wait for an instance. */
function ifFree(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (!ExtensionError.is(error, "ERR_EXT_BUSY")) throw error;
  }
}

async function inLanes(count: number, action: (i: number) => Promise<void>, lanes = LANES): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await action(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Bytes, after the garbage collector ran. */
async function memory(): Promise<{ heap: number; resident: number }> {
  const { gc } = globalThis as { gc?: () => void };
  assert.ok(gc !== undefined, "the process was not started with --expose-gc");
  for (let i = 0; i < 6; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    gc();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss };
}

/**
 * Runs them in {@link PARTS} parts, and fails where the processes of the engine grow by more than an allocator keeps, or go on growing with most parts: in one a collector, or a process
 * that rests, may give back more than another leaks. Of processes that were there before: one that was started meanwhile, in the place of another or to relieve it, has just its size.
 */
async function watched(
  count: number,
  action: (i: number) => Promise<void>,
  lanes: number,
  what: string,
): Promise<void> {
  const ofPart = count / PARTS;
  const steady = Math.max(2 * MIB, STEADY * ofPart);
  const steps: number[] = [];
  const grows = () => median(steps.slice(-PARTS)) >= steady;
  for (let before = residentEach(); steps.length < PARTS || (grows() && steps.length < MOST_PARTS); ) {
    const first = steps.length * ofPart;
    await inLanes(ofPart, (i) => action(first + i), lanes);
    const now = residentEach();
    steps.push(grownSince(before, now));
    const most = Math.max(0, ...[...now].filter(([pid]) => !before.has(pid)).map(([, bytes]) => bytes));
    expectLittle(most, OF_A_PROCESS, `a process that was started during ${what}`);
    const grown = steps.reduce((sum, step) => sum + step, 0);
    expectLittle(grown, RESIDENT, `resident memory of the engine's processes after ${what}`);
    before = now;
  }
  assert.ok(
    !grows(),
    `resident memory of the engine's processes grows with most parts of ${what}: by ${steps.map((step) => (step / MIB).toFixed(1)).join(", ")} MiB`,
  );
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Bytes by which those have grown that were there before. */
function grownSince(before: ReadonlyMap<number, number>, now: ReadonlyMap<number, number>): number {
  return [...now].reduce((sum, [pid, bytes]) => sum + (before.has(pid) ? bytes - before.get(pid)! : 0), 0);
}

function expectLittle(grown: number, most: number, what: string): void {
  assert.ok(
    grown <= most,
    `${what} has grown by ${(grown / MIB).toFixed(1)} MiB; ${(most / MIB).toFixed(1)} are allowed`,
  );
}

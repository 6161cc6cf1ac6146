import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { ExtensionError } from "extruntime";
import { hasOwnProcesses, type Subject, times } from "../facts.ts";
import { loadCaller, mustWait } from "../host-caller.ts";
import { descendants, residentBelow } from "../processes.ts";
import type { Group, Test } from "../test-list.ts";

const LOADS = 1000;
/** Where each of them starts a process, since modules do not share those. */
const LOADS_OF_PROCESSES = 50;
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
const HEAP_OF_FEW = 4 * MIB;
/** Bytes of resident memory that a thousand loads, or fifty thousand calls, may leave: allocators do not give everything back. */
const RESIDENT = 96 * MIB;
/** Bytes of heap that fifty thousand calls may leave: 20 a call. */
const HEAP_OF_CALLS = MIB;
/** Bytes of resident memory that one more process takes: an engine may have started one meanwhile, to relieve another. */
const OF_A_PROCESS = 128 * MIB;

/** Parts in which calls are made, to see whether processes grow with each; and the bytes a call by which they must not. */
const PARTS = 5;
const STEADY = 1024;

/** Leaks, in a process of its own that was started with `--expose-gc`. */
export function lifecycleGroup(subject: Subject): Group {
  const { capabilities, placement } = subject;
  const count = times(placement === "process" ? HOST_CALLS_FROM_AFAR : HOST_CALLS, subject);
  const loads = loadsAndCloses(hasOwnProcesses(subject) ? LOADS_OF_PROCESSES : times(LOADS, subject));
  const tests = capabilities.hostFunctions
    ? [loads, calls(times(CALLS, subject)), hostCalls(count)]
    : [loads, calls(times(CALLS, subject))];
  return { name: "lifecycle", promise: "contract", tests };
}

const loadsAndCloses = (count: number): Test => ({
  name: `${count} loads and closes leave no memory, no instances, no processes and no handles behind`,
  fresh: true,
  patience: 10,
  async run(bench) {
    const runtime = await bench.runtime();
    const load = async (i: number) => {
      const module = await bench.load("echo", { limits: { pool: 1 } }, runtime);
      assert.equal(await module.call("echo", i), i);
      await module.close();
    };
    await inLanes(count / 5, load);
    await untilFew(LANES);
    const before = await memory();
    const [handles, processes] = [process.getActiveResourcesInfo().length, (await descendants()).length];
    await inLanes(count, load);
    await untilFew(processes);
    const after = await memory();
    expectLittle(after.heap - before.heap, Math.max(HEAP_OF_FEW, count * HEAP_PER_LOAD), `heap after ${count} loads`);
    expectLittle(after.resident - before.resident, RESIDENT, `resident memory after ${count} loads`);
    const grown = [process.getActiveResourcesInfo().length - handles, (await descendants()).length - processes];
    expectLittle(
      after.below - before.below,
      RESIDENT + Math.max(0, grown[1]!) * OF_A_PROCESS,
      `resident memory of the engine's processes after ${count} loads`,
    );
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
  name: `${count} calls, good and failing, leave no memory behind`,
  fresh: true,
  patience: 5,
  async run(bench) {
    const runtime = await bench.runtime();
    const limits = { pool: 2 };
    const [echo, fail] = [
      await bench.load("echo", { limits }, runtime),
      await bench.load("throw", { limits }, runtime),
    ];
    const payload = JSON.stringify({ text: "x".repeat(100), list: [1, 2, 3] });
    const call = async (i: number) => {
      if (i % 10 === 9) await fail.invoke("fail", payload).catch(() => {});
      else await echo.invoke("echo", payload);
      if (i % 10 === 5 && bench.subject.capabilities.sync) ifFree(() => echo.invokeSync("echo", payload));
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

function hostCalls(count: number): Test {
  return {
    name: `${count} calls of host functions, good and failing, leave no memory behind`,
    promise: "hostFunctions",
    fresh: true,
    patience: 3,
    async run(bench) {
      const answer = (value: { i: number }) => {
        if (value.i % 10 === 9) throw new RangeError(`not ${value.i}`);
        return value.i % 10 === 5 && mustWait(bench.subject) ? Promise.resolve(value) : value;
      };
      const module = await loadCaller(bench, answer, { limits: { pool: 2 } });
      const text = "x".repeat(100);
      const call = async (i: number) => {
        await module.invoke(i % 20 === 19 ? "caught" : "call", JSON.stringify({ i, text })).catch(() => {});
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

/** Bytes, after the garbage collector ran. Those of processes are as they are: nobody can have theirs collected. */
async function memory(): Promise<{ heap: number; resident: number; below: number }> {
  const { gc } = globalThis as { gc?: () => void };
  assert.ok(gc !== undefined, "the process was not started with --expose-gc");
  for (let i = 0; i < 6; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    gc();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss, below: residentBelow() };
}

/** Runs them in {@link PARTS} parts, and fails where the processes of the engine grow in every one of them, or more than an allocator keeps. */
async function watched(
  count: number,
  action: (i: number) => Promise<void>,
  lanes: number,
  what: string,
): Promise<void> {
  const sizes = [residentBelow()];
  const processes = (await descendants()).length;
  for (let part = 0; part < PARTS; part++) {
    await inLanes(count / PARTS, (i) => action(part * (count / PARTS) + i), lanes);
    sizes.push(residentBelow());
  }
  const more = Math.max(0, (await descendants()).length - processes);
  expectLittle(
    sizes.at(-1)! - sizes[0]!,
    RESIDENT + more * OF_A_PROCESS,
    `resident memory of the engine's processes after ${what}`,
  );
  const steps = sizes.slice(1).map((size, i) => size - sizes[i]!);
  const least = Math.min(...steps);
  assert.ok(
    least < STEADY * (count / PARTS) || least < MIB,
    `resident memory of the engine's processes grows with every part of ${what}: by ${steps.map((step) => (step / MIB).toFixed(1)).join(", ")} MiB`,
  );
}

function expectLittle(grown: number, most: number, what: string): void {
  assert.ok(
    grown <= most,
    `${what} has grown by ${(grown / MIB).toFixed(1)} MiB; ${(most / MIB).toFixed(1)} are allowed`,
  );
}

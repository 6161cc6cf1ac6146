import assert from "node:assert/strict";
import type { Limits, Module } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { Neighbours } from "../../bench/neighbours.ts";
import { refusal } from "../../expect/expect.ts";
import { residentBelow } from "../../expect/processes.ts";
import { expectIdle } from "../../expect/processor-time.ts";
import { hasOwnProcesses, type Subject, times } from "../../facts/facts.ts";
import type { Group, Test } from "../test.ts";

const LIMIT_MB = 48;
/** Mebibytes that the host may need beside the guest's own: the engine, copies of payloads, and what its collector has not taken back yet. */
const OVERHEAD_MB = 160;
/** The same for processes, whose limit may be kept by who looks at them now and then: a guest grows on between two looks. */
const BETWEEN_LOOKS_MB = 480;
/** Times that a guest allocates while its processes are watched, until once they stay within the limit: on a busy machine it may grow on between two looks. */
const LEAST_PEAKS = 3;
const MOST_PEAKS = 10;
/** Mebibytes by which the host may grow whose guests are in processes. */
const BESIDE_MB = 64;
const MIB = 2 ** 20;
/** Times that a guest allocates without end; and where each time costs a process. */
const TIMES = 20;
const TIMES_OF_PROCESSES = 6;
/** With `repeats`, at the least. */
const FEW = 4;
/** Milliseconds between looks at what processes have in memory. */
const LOOK_MS = 15;

/** `memoryLimit`: a guest that allocates without end is stopped, and the host does not grow with it. */
export function memoryGroup(subject: Subject): Group {
  const { capabilities, guests } = subject;
  return {
    name: "the memory limit",
    promise: "memoryLimit",
    tests: capabilities.memoryLimit
      ? [
          ...kept(
            capabilities.deadline !== false,
            hasOwnProcesses(subject) ? TIMES_OF_PROCESSES : Math.max(FEW, times(TIMES, subject)),
          ),
          ...(guests.includes("top-level-allocate") ? [whileLoading] : []),
        ]
      : [refused],
  };
}

const refused: Test = {
  name: "limits.memoryMb is refused with ERR_EXT_UNSUPPORTED, from the manifest and from the host",
  async run(bench) {
    const limits = { memoryMb: LIMIT_MB };
    await refusal(() => bench.load("echo", { limits }), "ERR_EXT_UNSUPPORTED", "load");
    await refusal(() => bench.loadWith("echo", { limits }), "ERR_EXT_UNSUPPORTED", "load");
  },
};

function kept(abortable: boolean, often: number): Test[] {
  const limits = { memoryMb: LIMIT_MB, maxInstances: 1, ...(abortable ? { timeoutMs: 30_000 } : {}) };
  const exhaust = async (bench: Bench, module: Module) => {
    const call = () => bench.answered(module.invoke("allocate", "1"), "a guest that allocates without end");
    await refusal(call, "ERR_EXT_MEMORY", "a guest that allocates without end");
  };
  return [
    {
      name: `a guest that allocates without end gets ERR_EXT_MEMORY, ${often} times, and others work on`,
      patience: 2,
      async run(bench) {
        const runtime = await bench.runtime();
        const echo = await bench.load("echo", { limits }, runtime);
        const module = await bench.load("allocate", { limits }, runtime);
        for (let i = 0; i < often; i++) {
          await exhaust(bench, module);
          assert.equal(await echo.call("echo", i), i, "another module does not work afterwards");
        }
        assert.ok(module.stats().instances <= 1);
        await expectIdle("a guest that ran out of memory", bench.patience(0.2));
      },
    },
    {
      name: `the host stays within the limit and ${OVERHEAD_MB} MiB, with its processes`,
      fresh: true,
      patience: 2,
      async run(bench) {
        const module = await bench.load("allocate", { limits });
        assert.equal(await (await bench.load("echo", { limits })).call("echo", 1), 1);
        // In kibibytes: the most that this process ever had in memory.
        const before = process.resourceUsage().maxRSS;
        const base = residentBelow();
        const peaks: number[] = [];
        const within = () => Math.min(...peaks) <= LIMIT_MB + OVERHEAD_MB;
        while (peaks.length < LEAST_PEAKS || (peaks.length < MOST_PEAKS && !within())) {
          const watch = new ProcessesWatch(base);
          await exhaust(bench, module);
          peaks.push(watch.end() / MIB);
        }
        const grown = ((process.resourceUsage().maxRSS - before) * 1024) / MIB;
        const below = "what the processes of the engine have in memory";
        for (const [who, mebibytes, most] of [
          ["the host", grown, bench.subject.placement === "process" ? BESIDE_MB : LIMIT_MB + OVERHEAD_MB],
          [below, Math.min(...peaks), LIMIT_MB + OVERHEAD_MB],
          [below, Math.max(...peaks), LIMIT_MB + OVERHEAD_MB + BETWEEN_LOOKS_MB],
        ] as const)
          assert.ok(
            mebibytes <= most,
            `${who} grew by ${Math.round(mebibytes)} MiB, the limit is ${LIMIT_MB}, and ${most} may be; peaks: ${peaks.map(Math.round).join(", ")}`,
          );
      },
    },
    neighbours(limits, exhaust),
    {
      name: "a limit in the manifest holds, and a good guest works within it",
      async run(bench) {
        const runtime = await bench.runtime();
        const big = await bench.loadWith("big", { limits }, undefined, runtime);
        const module = await bench.loadWith("allocate", { limits }, undefined, runtime);
        await exhaust(bench, module);
        assert.equal(await big.call("big", 1_000_000), "x".repeat(1_000_000));
      },
    },
    {
      name: "a payload that is larger than the limit fails with an error of the contract, and the module works on",
      async run(bench) {
        const runtime = await bench.runtime();
        // Another module's limit is nothing to it.
        await bench.load("echo", { limits: { ...limits, memoryMb: 512 } }, runtime);
        const own = { limits: { ...limits, memoryMb: 16 } };
        const module = await bench.loadWith("echo", own, undefined, runtime);
        const payload = JSON.stringify("x".repeat(40 * MIB));
        await refusal(
          () => bench.answered(module.invoke("echo", payload), "a large payload"),
          "ERR_EXT_MEMORY",
          "a payload of 40 MiB in 16 MiB",
        );
        assert.equal(await module.call("echo", 1), 1);
      },
    },
  ];
}

/** What a guest does while it is loaded is bounded by the same limit. */
const whileLoading: Test = {
  name: "a top level that allocates without end fails the load with ERR_EXT_MEMORY, and the runtime works on",
  patience: 2,
  async run(bench) {
    const runtime = await bench.runtime();
    const echo = await bench.load("echo", undefined, runtime);
    for (let i = 0; i < 2; i++) {
      const load = bench.load("top-level-allocate", { limits: { memoryMb: LIMIT_MB } }, runtime);
      await refusal(() => bench.answered(load, "a load"), "ERR_EXT_MEMORY", "a top level that allocates without end");
      assert.equal(await echo.call("echo", i), i, "another module does not work afterwards");
    }
  },
};

/** Calls of other modules that run while one runs out of memory are answered, and their instances keep their state. */
function neighbours(limits: Limits, exhaust: (bench: Bench, module: Module) => Promise<void>): Test {
  return {
    name: "a guest that runs out of memory costs other modules no call and no state",
    async run(bench) {
      const runtime = await bench.runtime();
      const neighbours = await Neighbours.make(bench, runtime);
      const module = await bench.load("allocate", { limits }, runtime);
      for (let i = 0; i < 3; i++) await neighbours.beside(() => exhaust(bench, module));
    },
  };
}

/** The most that the processes below this one have in memory beyond what they had at first. */
class ProcessesWatch {
  readonly #before: number;
  #most = 0;
  readonly #timer = setInterval(() => this.#look(), LOOK_MS);

  constructor(before: number) {
    this.#before = before;
  }

  /** Bytes. */
  end(): number {
    clearInterval(this.#timer);
    this.#look();
    return this.#most;
  }

  #look(): void {
    this.#most = Math.max(this.#most, residentBelow() - this.#before);
  }
}

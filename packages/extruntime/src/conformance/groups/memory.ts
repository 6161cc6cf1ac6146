import assert from "node:assert/strict";
import type { Bench } from "../bench.ts";
import { refusal } from "../expect.ts";
import type { Subject } from "../facts.ts";
import type { Group, Test } from "../test-list.ts";

const LIMIT_MB = 48;
/** Mebibytes that the host may need beside the guest's own: the engine, copies of payloads, and what its collector has not taken back yet. */
const OVERHEAD_MB = 160;
const MIB = 2 ** 20;

/** `memoryLimit`: a guest that allocates without end is stopped, and the host does not grow with it. */
export function memoryGroup({ capabilities }: Subject): Group {
  return {
    name: "the memory limit",
    promise: "memoryLimit",
    tests: capabilities.memoryLimit ? kept(capabilities.deadline !== false) : [refused],
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

function kept(abortable: boolean): Test[] {
  const limits = { memoryMb: LIMIT_MB, pool: 1, ...(abortable ? { timeoutMs: 30_000 } : {}) };
  const exhaust = async (bench: Bench, module: Awaited<ReturnType<Bench["load"]>>) => {
    const call = () => bench.answered(module.invoke("allocate", "1"), "a guest that allocates without end");
    await refusal(call, "ERR_EXT_MEMORY", "a guest that allocates without end");
  };
  return [
    {
      name: "a guest that allocates without end gets ERR_EXT_MEMORY, twenty times, and others work on",
      patience: 2,
      async run(bench) {
        const runtime = await bench.runtime();
        const echo = await bench.load("echo", { limits }, runtime);
        const module = await bench.load("allocate", { limits }, runtime);
        for (let i = 0; i < 20; i++) {
          await exhaust(bench, module);
          assert.equal(await echo.call("echo", i), i, "another module does not work afterwards");
        }
        assert.ok(module.stats().instances <= 1);
      },
    },
    {
      name: `the host stays within the limit and ${OVERHEAD_MB} MiB`,
      fresh: true,
      patience: 2,
      async run(bench) {
        const module = await bench.load("allocate", { limits });
        assert.equal(await (await bench.load("echo", { limits })).call("echo", 1), 1);
        // In kibibytes: the most that this process ever had in memory.
        const before = process.resourceUsage().maxRSS;
        for (let i = 0; i < 3; i++) await exhaust(bench, module);
        const grown = ((process.resourceUsage().maxRSS - before) * 1024) / MIB;
        assert.ok(
          grown <= LIMIT_MB + OVERHEAD_MB,
          `the host grew by ${Math.round(grown)} MiB, and the limit is ${LIMIT_MB}`,
        );
      },
    },
    {
      name: "a limit in the manifest holds, and a good guest works within it",
      async run(bench) {
        const runtime = await bench.runtime();
        const module = await bench.loadWith("allocate", { limits }, undefined, runtime);
        await exhaust(bench, module);
        const big = await bench.loadWith("big", { limits }, undefined, runtime);
        assert.equal(await big.call("big", 1_000_000), "x".repeat(1_000_000));
      },
    },
    {
      name: "a payload that is larger than the limit fails with an error of the contract, and the module works on",
      async run(bench) {
        const module = await bench.load("echo", { limits: { ...limits, memoryMb: 16 } });
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

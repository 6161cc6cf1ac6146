import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { descendants } from "../../../conformance/src/expect/processes.ts";
import { InstanceBudget, type Module, type Runtime } from "../../dist/index.js";
import { KIND } from "../../src/placement/wire/protocol.ts";
import { guest, withRuntime } from "./guests.ts";
import { hostileGuest } from "./hostile-guest.ts";

const placement = "process";

function load(runtime: Runtime, count: number, options = {}): Promise<Module[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => runtime.load(guest(`guest-${i}`), options)));
}

const pids = (modules: readonly Module[]) => Promise.all(modules.map((module) => module.call<number>("pid")));

/** Processes below this one that run Node: the workers, without those that watch over them. */
async function nodes(): Promise<number> {
  return (await descendants()).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("node");
    } catch {
      return false;
    }
  }).length;
}

/** Waits until as many processes, or fewer, are there that this one started. */
async function untilAtMost(count: number): Promise<void> {
  while ((await nodes()) > count) await sleep(20);
}

async function untilEnded(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await sleep(20);
  }
}

describe("extensions whose engine is no hard sandbox", () => {
  it("have a process each, and none that served another before", async () => {
    await withRuntime({ placement }, async (runtime) => {
      const seen = new Set<number>();
      for (let round = 0; round < 3; round++) {
        const modules = await load(runtime, 3);
        for (const pid of await pids(modules)) seen.add(pid);
        await Promise.all(modules.map((module) => module.close()));
      }
      expect(seen.size).toBe(9);
      for (const pid of seen) await untilEnded(pid);
    });
  });

  it("share processes where the host says so", async () => {
    await withRuntime({ placement, processes: { max: 1, shared: true } }, async (runtime) => {
      const modules = await load(runtime, 4);
      expect(new Set(await pids(modules)).size).toBe(1);
    });
  });

  it("cannot call a host function in another one's name, nor write its lines", async () => {
    const paid: unknown[] = [];
    const hostFunctions = { pay: (_: unknown, context: { extension: string }) => paid.push(context.extension) };
    const lines: unknown[] = [];
    const log = (text: string, fields: unknown) => void lines.push([text, fields]);
    const logger = { debug: log, info: log, warn: log, error: log };
    for (const shared of [false, true])
      await withRuntime({ placement, processes: { max: 2, shared } }, async (runtime) => {
        const robber = await runtime.load(hostileGuest("robber"), { logger });
        const bank = await runtime.load(hostileGuest("bank", { permissions: ["pay"] }), { hostFunctions, logger });
        await bank.call("echo", 1);
        // Programs are numbered in the order of their loads.
        for (let target = 1; target < 60; target += shared ? 60 : 20) {
          const frames = Array.from({ length: 20 }, (_, i) => [KIND.hostCall, 0, 0, i + 1, target + i, 0, '"robber"']);
          const call = robber.call("send", [4, shared ? [[KIND.log, 0, 1, 1, 99_999, 0, "forged"]] : frames]);
          await expect(call).rejects.toMatchObject({
            code: "ERR_EXT_CRASHED",
            message: /program \d+, which is not its own/,
          });
        }
        expect([paid, lines]).toEqual([[], []]);
        expect(await bank.call("echo", 2)).toBe(2);
      });
  });

  it("cannot hold another one up by closing what its process has", async () => {
    await withRuntime({ placement, processes: { max: 2 } }, async (runtime) => {
      const hostile = await runtime.load(hostileGuest());
      const other = await runtime.load(guest("other"));
      const closed = hostile.call("close", 3).catch((error: { code: string }) => error.code);
      expect(await Promise.all([1, 2, 3].map((n) => other.call("echo", n)))).toEqual([1, 2, 3]);
      expect(await closed).toBe("ERR_EXT_CRASHED");
    });
  });
});

describe.runIf(process.platform === "linux")("processes of many modules", () => {
  it("are made on demand, and never more than there may be", async () => {
    await withRuntime({ placement, processes: { max: 3 } }, async (runtime) => {
      const modules = await load(runtime, 12);
      let most = 0;
      for (let round = 0; round < 2; round++) {
        const calls = modules.map((module, i) => module.call("echo", i));
        expect(await Promise.all(calls)).toEqual(modules.map((_, i) => i));
        most = Math.max(most, await nodes());
      }
      // As many again while calls hold them up, and the spare.
      expect(most).toBeLessThanOrEqual(7);
      await Promise.all(modules.map((module) => module.close()));
      await untilAtMost(1);
    });
  });

  it("are given up in turn by modules that are never idle", async () => {
    await withRuntime({ placement, processes: { max: 1 } }, async (runtime) => {
      const [busy, other, third] = (await load(runtime, 3)) as [Module, Module, Module];
      let stop = false;
      let answered = 0;
      const keepBusy = async () => {
        while (!stop) {
          await busy.call("echo", 1);
          answered++;
        }
      };
      const all = [keepBusy(), keepBusy()];
      for (let i = 0; i < 3; i++)
        expect(await Promise.all([other.call("echo", i), third.call("echo", i + 1)])).toEqual([i, i + 1]);
      const before = answered;
      while (answered === before) await sleep(5);
      stop = true;
      await Promise.all(all);
    });
  });

  it("end when their instances are released", async () => {
    const budget = new InstanceBudget({ maxInstances: 2, idleMs: 100 });
    await withRuntime({ placement, budget, processes: { spare: 0 } }, async (runtime) => {
      const modules = await load(runtime, 4);
      for (const module of modules) await module.call("echo", 1);
      await untilAtMost(0);
      expect(await modules[0]!.call("echo", 2)).toBe(2);
    });
  });

  it("are not needed by modules that nobody calls", async () => {
    await withRuntime({ placement, processes: { spare: 0 } }, async (runtime) => {
      const modules = await load(runtime, 200, { lazy: true });
      expect(await nodes()).toBeLessThanOrEqual(1);
      expect(await modules[7]!.call("echo", 7)).toBe(7);
      const bad = { ...guest("bad"), files: {} };
      await expect(runtime.load(bad, { lazy: true })).rejects.toMatchObject({ code: "ERR_EXT_BAD_MANIFEST" });
    });
  });

  it("that are all held for good keep no module from being closed", async () => {
    await withRuntime({ placement, processes: { max: 1 } }, async (runtime) => {
      const modules = await load(runtime, 4);
      const calls = modules.map((module) => module.call("never").catch((error: { code: string }) => error.code));
      await sleep(300);
      await Promise.all(modules.map((module) => module.close({ abort: true })));
      expect(new Set(await Promise.all(calls))).toEqual(new Set(["ERR_EXT_CLOSED"]));
    });
  });
});

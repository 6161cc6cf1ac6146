import { describe, expect, it, vi } from "vitest";
import { codes, guest, withGuest, withRuntime } from "./guests.ts";

/** One worker, so that calls must meet. */
const ONE = { threads: { max: 1 }, processes: { max: 1 } };

describe.each(["thread", "process"] as const)("an abort in a %s", (placement) => {
  it("costs no other call its answer", async () => {
    await withGuest({ placement, ...ONE }, async (module) => {
      // Warm, so that calls are sent ahead of their turn behind the one that never ends.
      for (let i = 0; i < 200; i++) await module.call("echo", i);
      const echoes = (from: number) => Array.from({ length: 300 }, (_, i) => module.call("echo", from + i));
      const before = echoes(0);
      const endless = module.invoke("forever", "null", { timeoutMs: 60 });
      const after = echoes(300);
      await expect(endless).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
      expect(await Promise.all([...before, ...after])).toEqual(Array.from({ length: 600 }, (_, i) => i));
      // The worker that was ended may still be on its way out, after all answers.
      await vi.waitFor(() => expect(module.stats()).toMatchObject({ failures: 1, timeouts: 1, running: 0, queued: 0 }));
    });
  });

  it("answers the caller with the signal's reason, fifty times in a row", async () => {
    await withGuest({ placement }, async (module) => {
      for (let round = 0; round < 50; round++) {
        const controller = new AbortController();
        const call = module.invoke("forever", "null", { signal: controller.signal });
        setImmediate(() => controller.abort(`round ${round}`));
        await expect(call).rejects.toBe(`round ${round}`);
      }
      expect(await module.call("echo", "well")).toBe("well");
    });
  });

  it("of a call that goes on by itself leaves the others that do so running", async () => {
    await withGuest({ placement, ...ONE }, async (module) => {
      const others = Array.from({ length: 3 }, () => module.call("later", 150));
      await expect(module.invoke("never", "null", { timeoutMs: 40 })).rejects.toMatchObject({
        code: "ERR_EXT_TIMEOUT",
      });
      expect(await Promise.all(others)).toEqual([150, 150, 150]);
      expect(await module.call("echo", 1)).toBe(1);
    });
  });

  it("of all calls that go on by themselves ends their worker, and what waited behind them runs elsewhere", async () => {
    const pids = new Set<number>();
    await withRuntime({ placement, ...ONE }, async (runtime) => {
      const module = await runtime.load(guest("guest", { limits: { maxInstances: 4 } }));
      // Warm, as above.
      for (let i = 0; i < 200; i++) await module.call("echo", i);
      for (let i = 0; i < 5; i++) {
        pids.add(await module.call("pid"));
        const stuck = Array.from({ length: 4 }, () => module.invoke("never", "0", { timeoutMs: 20 }));
        const behind = Array.from({ length: 4 }, (_, k) => module.call("echo", k));
        expect(codes(await Promise.allSettled(stuck))).toEqual(Array(4).fill("ERR_EXT_TIMEOUT"));
        expect(await Promise.all(behind)).toEqual([0, 1, 2, 3]);
      }
      const last = await module.call("pid");
      if (placement === "process")
        await vi.waitFor(() => expect([...pids].filter((pid) => pid !== last && isAlive(pid))).toEqual([]), 20_000);
    });
  });

  it("of calls that wait behind another stops nothing", async () => {
    // In a process of its own none waits behind another module's.
    const processes = { max: 1, shared: true };
    await withGuest({ placement, ...ONE, processes }, async (module, runtime) => {
      const counts: unknown[] = [];
      // On a busy machine a long call may be held up until another instance is made; an abort makes that so each time.
      for (let round = 0; round < 20 && counts.at(-1) !== 2; round++) {
        const other = await runtime.load(guest("other", { limits: { maxInstances: 1 } }));
        await other.call("count");
        const long = other.call("spin", 120);
        const controller = new AbortController();
        const waiting = Array.from({ length: 20 }, () => module.invoke("echo", "1", { signal: controller.signal }));
        controller.abort("not wanted");
        expect((await Promise.allSettled(waiting)).map((result) => result.status)).toEqual(Array(20).fill("rejected"));
        expect(await long).toBe(120);
        // The same instance: its worker was not ended.
        counts.push(await other.call("count"));
        await other.close();
      }
      expect(counts).toContain(2);
    });
  });

  it("of more calls than a worker holds costs no call that comes after them its answer", async () => {
    await withRuntime({ placement, ...ONE }, async (runtime) => {
      const module = await runtime.load(guest("guest", { limits: { maxInstances: 200, maxQueue: 100_000 } }));
      // Warm, so that they are all sent to the one worker.
      for (let i = 0; i < 300; i++) await module.call("echo", i);
      for (let round = 0; round < 2; round++) {
        const controller = new AbortController();
        const calls = Array.from({ length: 9000 }, () => module.invoke("echo", "1", { signal: controller.signal }));
        controller.abort("not wanted");
        await Promise.allSettled(calls);
        expect(await module.call("echo", round)).toBe(round);
      }
      await module.close();
    });
  });

  it("ends what runs when the module is closed so", async () => {
    await withRuntime({ placement }, async (runtime) => {
      const module = await runtime.load(guest());
      const calls = Promise.allSettled([module.call("forever"), module.call("never"), module.call("forever")]);
      await module.close({ abort: true });
      expect(codes(await calls)).toEqual(["ERR_EXT_CLOSED", "ERR_EXT_CLOSED", "ERR_EXT_CLOSED"]);
    });
  });
});

describe.each(["thread", "process"] as const)("a %s that a call holds up", (placement) => {
  it("keeps no other module waiting", async () => {
    await withRuntime({ placement, ...ONE }, async (runtime) => {
      const [slow, quick] = [await runtime.load(guest("slow")), await runtime.load(guest("quick"))];
      await quick.call("echo", 0);
      const endless = slow.invoke("forever", "null", { timeoutMs: 20_000 });
      const ended = endless.catch(() => "ended");
      // Both modules live in the one worker: these go elsewhere once it is seen to be held up.
      expect(await Promise.all(Array.from({ length: 50 }, (_, i) => quick.call("echo", i)))).toHaveLength(50);
      await slow.close({ abort: true });
      expect(await ended).toBe("ended");
    });
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

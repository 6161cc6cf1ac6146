import { describe, expect, test } from "vitest";
import { cpython, guest, hasOwnGil } from "./guest.ts";

/** Built: a process imports it by itself. */
type Pyvm = typeof import("../src/index.ts").pyvm;
const { pyvm } = (await import(new URL("../dist/index.js", import.meta.url).href)) as { pyvm: Pyvm };

const SOURCE = `
import asyncio, threading, time
main = threading.main_thread
def thread(value):
    return threading.get_native_id()
def hold(seconds):
    time.sleep(seconds)
    return threading.get_native_id()
async def quick(value):
    return threading.get_native_id()
async def wait(seconds):
    await asyncio.sleep(seconds)
    return seconds
def perhaps(value):
    if value % 7 == 0: return wait(0.001)
    if value % 11 == 0: raise KeyError(value)
    print(value)
    return value
def wedge(value):
    return sum(range(10 ** 12))
`;
const EXPORTS = ["thread", "hold", "quick", "wait", "perhaps", "wedge"];

for (const interpreter of hasOwnGil ? (["isolated", "shared"] as const) : (["shared"] as const))
  describe(`short calls in a process, ${interpreter}`, () => {
    async function loaded(pool: number) {
      const runtime = pyvm({ python: cpython.library, placement: "process", processes: { max: 1 } });
      const source = guest(SOURCE, {
        exports: EXPORTS,
        // Another process may have to load it on a busy machine.
        manifest: { python: { interpreter }, limits: { maxInstances: pool, loadTimeoutMs: 120_000 } },
      });
      const module = await runtime.load(source);
      const several = async (fn: string, count: number) => {
        const results = new Set<unknown>();
        for (let i = 0; i < count; i++) results.add(await module.call(fn, i));
        return results;
      };
      /** Calls until some have stayed on the process's own thread. */
      const settle = async () => {
        const threads = new Set<unknown>();
        // Without a GIL one thread makes all calls.
        while (threads.size < (cpython.freeThreaded ? 1 : 2)) threads.add(await module.call("thread"));
        return threads;
      };
      /** After a long call those that follow do not. */
      const interpretersThread = async () => {
        await module.call("hold", 0.01);
        return module.call("hold", 0.01);
      };
      return { module, several, settle, interpretersThread, [Symbol.asyncDispose]: () => runtime.close() };
    }

    /** Again where the process was taken for held meanwhile, as it may be on a busy machine, since another one has other threads. */
    async function inOneInstance(
      action: (guest: Awaited<ReturnType<typeof loaded>>) => Promise<() => void>,
    ): Promise<void> {
      for (;;) {
        await using guest = await loaded(1);
        const check = await action(guest);
        if (guest.module.stats().instancesCreated === 1) return check();
      }
    }

    test("stay on its own thread, until one of them takes long", async () => {
      await inOneInstance(async (guest) => {
        const threads = await guest.settle();
        const theirs = await guest.interpretersThread();
        const later = await guest.several("thread", 50);
        return () => {
          expect(threads).toContain(theirs);
          expect(later).toEqual(new Set([theirs]));
        };
      });
    });

    test("are awaited on the interpreter's thread where they are coroutines", async () => {
      await inOneInstance(async (guest) => {
        await guest.settle();
        const [threads, theirs] = [await guest.several("quick", 200), await guest.interpretersThread()];
        return () => expect(threads).toEqual(new Set([theirs]));
      });
    });

    test("may overlap by the thousand, wait, print and throw", async () => {
      await using guest = await loaded(4);
      const { module, settle } = guest;
      await settle();
      const answers = await Promise.allSettled(Array.from({ length: 3000 }, (_, i) => module.call("perhaps", i)));
      answers.forEach((answer, i) => {
        if (i % 7 === 0) expect(answer).toEqual({ status: "fulfilled", value: 0.001 });
        else if (i % 11 === 0)
          expect(answer).toMatchObject({ reason: { code: "ERR_EXT_GUEST", guest: { name: "KeyError" } } });
        else expect(answer).toEqual({ status: "fulfilled", value: i });
      });
    });

    test("do not wait behind one that waits on another instance, and it can be stopped", async () => {
      await using guest = await loaded(2);
      const { module, several, settle } = guest;
      await settle();
      const abort = new AbortController();
      const signalled = module.call("wait", 600, { signal: abort.signal });
      expect((await several("thread", 50)).size).toBeGreaterThan(0);
      abort.abort(new Error("enough"));
      await expect(signalled).rejects.toThrow("enough");
      await expect(module.call("wait", 600, { timeoutMs: 50 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
      expect(await module.call("wait", 0)).toBe(0);
    });

    test("lose no answer to one that will not stop", async () => {
      await using guest = await loaded(2);
      const { module, settle } = guest;
      await settle();
      const wedged = module.call("wedge", 0, { timeoutMs: 100 });
      const others = Array.from({ length: 200 }, (_, i) => module.call("wait", i % 10 === 0 ? 0.01 : 0));
      await expect(wedged).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
      expect(await Promise.all(others)).toHaveLength(200);
    });

    test("are ended with the module, by an abort", async () => {
      await using guest = await loaded(1);
      const { module, settle } = guest;
      await settle();
      const wedged = expect(module.call("wedge", 0)).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
      await new Promise((resolve) => setTimeout(resolve, 20));
      await module.close({ abort: true });
      await wedged;
    });
  });

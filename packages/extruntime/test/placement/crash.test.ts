import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kill } from "../../../conformance/src/expect/processes.ts";
import { RestartBackoff } from "../../src/placement/host/restart-backoff.ts";
import { hostLocale } from "../../src/placement/process/locale.ts";
import { supervisorProgram } from "../../src/placement/process/supervisor.ts";
import { codes, guest, withGuest, withRuntime } from "./guests.ts";

const placement = "process";

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe.each(["mapped", "off"])("a process that ends, with its journal %s,", (journal) => {
  beforeAll(() => {
    process.env.EXTRUNTIME_MAPPED_FILE = journal;
  });

  afterAll(() => {
    delete process.env.EXTRUNTIME_MAPPED_FILE;
  });

  it.each([
    ["exit", 7, /ended with exit code 7/],
    ["kill", null, /was ended by SIGKILL/],
    ["abort", "the last words", /was ended by SIGABRT; the last lines of its standard error:(.|\n)*the last words/],
  ])("by %s costs one ERR_EXT_CRASHED that says how", async (fn, value, message) => {
    await withGuest({ placement, processes: { max: 1 } }, async (module) => {
      for (let i = 0; i < 100; i++) await module.call("echo", i);
      const others = Array.from({ length: 100 }, (_, i) => module.call("echo", i));
      const crash = module.call(fn, value);
      const later = Array.from({ length: 100 }, (_, i) => module.call("echo", i));
      await expect(crash).rejects.toMatchObject({ code: "ERR_EXT_CRASHED", message: expect.stringMatching(message) });
      expect(codes(await Promise.allSettled([...others, ...later]))).toEqual([]);
      expect(module.stats().failures).toBe(1);
    });
  });

  it("while nothing runs costs no call", async () => {
    await withGuest({ placement }, async (module) => {
      const pid = await module.call<number>("pid");
      process.kill(pid, "SIGKILL");
      expect(await module.call("pid")).not.toBe(pid);
    });
  });

  it.runIf(supervisorProgram() !== undefined)(
    "by kill -9, whose end is seen late, costs no call that had not begun",
    async () => {
      await withGuest({ placement, processes: { max: 1 } }, async (module) => {
        const [pid, supervisor] = await module.call<[number, number]>("pids");
        process.kill(supervisor, "SIGSTOP");
        kill([pid]);
        const calls = Array.from({ length: 10 }, (_, i) => module.call("echo", i));
        // Longer than a process may live after it has closed a pipe: then the host wakes the supervisor itself, and ends it.
        await sleep(1500);
        await expect.poll(() => isAlive(supervisor), { timeout: 60_000 }).toBe(false);
        expect(await Promise.all(calls)).toEqual(calls.map((_, i) => i));
        expect(await module.call("pid")).not.toBe(pid);
      });
    },
  );

  it("by kill -9 at any moment settles ten thousand calls once each, one failure a kill at the most", async () => {
    await withRuntime({ placement }, async (runtime) => {
      const modules = await Promise.all(["a", "b", "c", "d"].map((name) => runtime.load(guest(name))));
      let settled = 0;
      const count = () => {
        settled++;
      };
      const calls = Array.from({ length: 10_000 }, (_, i) => modules[i % 4]!.call("echo", i));
      for (const call of calls) call.then(count, count);
      let kills = 0;
      while (settled < calls.length && kills < 8) {
        const pid = await modules[kills % 4]!.call<number>("pid").catch(() => 0);
        if (pid === 0) continue;
        kill([pid]);
        kills++;
      }
      const results = await Promise.allSettled(calls);
      expect(settled).toBe(10_000);
      for (const [i, result] of results.entries()) if (result.status === "fulfilled") expect(result.value).toBe(i);
      const failures = codes(results);
      expect(new Set(failures)).toEqual(new Set(failures.length > 0 ? ["ERR_EXT_CRASHED"] : []));
      expect(failures.length).toBeLessThanOrEqual(kills);
      expect(await Promise.all(modules.map((module) => module.call("echo", 1)))).toEqual([1, 1, 1, 1]);
    });
  });

  it("is replaced at once the first times, and then later and later", () => {
    const backoff = new RestartBackoff();
    const delays = Array.from({ length: 40 }, () => {
      backoff.crashed(0);
      return backoff.delay(0);
    });
    expect(delays.slice(0, 10)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 500, 1000]);
    expect(delays.at(-1)).toBe(5000);
    expect(backoff.delay(60_000)).toBe(0);
  });

  it("has only the environment that it was granted, and the host's time zone and language", async () => {
    await withGuest({ placement, processes: { env: { GRANTED: "yes" } } }, async (module) => {
      const expected = { GRANTED: "yes", TMPDIR: expect.any(String), ...hostLocale() };
      expect(await module.call("environment")).toEqual(expected);
    });
  });

  it("by its limit of processor time says so", async () => {
    await withGuest({ placement, processes: { cpuSeconds: 1 } }, async (module) => {
      await expect(module.call("forever")).rejects.toMatchObject({
        code: "ERR_EXT_CRASHED",
        message: /SIG(XCPU|KILL)/,
      });
    });
  });
});

describe.runIf(process.platform === "linux")("a memory limit that the operating system keeps", () => {
  it.each([
    ["strings", "const all = []; for (;;) all.push('x'.repeat(1e6) + all.length)"],
    ["typed arrays", "const all = []; for (;;) all.push(new Uint8Array(1e7).fill(1))"],
    ["objects", "const all = []; for (;;) all.push({ a: [all.length] })"],
  ])("holds for %s", async (_what, body) => {
    await withRuntime({ placement }, async (runtime) => {
      const source = guest("bomb", { limits: { memoryMb: 64 } }, `export const run = () => { ${body} };`);
      const [module, other] = await Promise.all([runtime.load(source), runtime.load(guest("other"))]);
      await expect(module.call("run")).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
      expect(await other.call("echo", 1)).toBe(1);
      await expect(module.call("run")).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
    });
  });
});

describe("a guest that only says that it ran out of memory", () => {
  it.each([
    ["exits", "process.exit(1)", /exit code 1/],
    ["exits with 134, as a shell tells of SIGABRT", "process.exit(134)", /exit code 134/],
    ["aborts", "process.abort()", /SIGABRT|SIGTRAP|SIGILL/],
  ])("and %s has crashed", async (_what, end, message) => {
    await withRuntime({ placement: "process" }, async (runtime) => {
      const says =
        "require('node:fs').writeSync(2, 'out of memory: allocation failed, std::bad_alloc\\nterminate called: out of memory\\n')";
      const code = `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);
        export const run = () => { ${says}; ${end}; };`;
      const module = await runtime.load(guest("liar", {}, code));
      await expect(module.call("run")).rejects.toMatchObject({
        code: "ERR_EXT_CRASHED",
        message: expect.stringMatching(message),
      });
    });
  });

  it("by the error that V8 throws has thrown an error", async () => {
    await withRuntime({ placement: "process" }, async (runtime) => {
      const code = "export const run = () => { throw new RangeError('Array buffer allocation failed'); };";
      const limits = process.platform === "linux" ? { limits: { memoryMb: 64 } } : {};
      const module = await runtime.load(guest("liar", limits, code));
      await expect(module.call("run")).rejects.toMatchObject({ code: "ERR_EXT_GUEST" });
    });
  });
});

describe("a thread that ends", () => {
  it.each([["exit", 3, "ERR_EXT_CRASHED", /ended by itself with exit code 3/]])(
    "by %s costs one call",
    async (fn, value, code, message) => {
      await withGuest({ placement: "thread", threads: { max: 1 } }, async (module) => {
        for (let i = 0; i < 100; i++) await module.call("echo", i);
        const others = Array.from({ length: 50 }, (_, i) => module.call("echo", i));
        await expect(module.call(fn, value)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
        expect(codes(await Promise.allSettled(others))).toEqual([]);
      });
    },
  );

  it("by an error that nobody caught is replaced", async () => {
    await withGuest({ placement: "thread" }, async (module) => {
      await module.call("stray");
      const gone = module.call("never").catch((error: unknown) => error);
      expect(await gone).toMatchObject({ code: "ERR_EXT_CRASHED", message: expect.stringContaining("a stray error") });
      expect(await module.call("echo", 1)).toBe(1);
    });
  });

  it("at its resource limit costs the call that hit it", async () => {
    const code =
      "export const run = () => { const all = []; for (;;) all.push({ a: [all.length] }); }; export const echo = (v) => v;";
    const threads = { resourceLimits: { maxOldGenerationSizeMb: 32 } };
    await withRuntime({ placement: "thread", threads }, async (runtime) => {
      const module = await runtime.load(guest("bomb", {}, code));
      await expect(module.call("run")).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
      expect(await module.call("echo", 1)).toBe(1);
    });
  });
});

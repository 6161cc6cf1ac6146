import { describe, expect, it } from "vitest";
import { guest, withGuest, withRuntime } from "./guests.ts";

const PLACEMENTS = ["thread", "process"] as const;

describe.each(PLACEMENTS)("calls to a %s", (placement) => {
  it("carry any text there and back as it is", async () => {
    await withGuest({ placement }, async (module) => {
      for (const text of ["", "é", "日本語", "\u{1F600}", "\0", "a\ud800b", "x".repeat(100_000), "é".repeat(2_000_000)])
        expect(await module.call("echo", text)).toBe(text);
      expect(module.placement).toBe(placement);
    });
  });

  it("keep unescaped lone surrogates, which UTF-8 cannot carry", async () => {
    await withGuest({ placement }, async (module) => {
      expect(JSON.parse(await module.invoke("echo", '"\udc00"'))).toBe("\udc00");
    });
  });

  it("bring a guest's error with its name, message and stack", async () => {
    await withGuest({ placement }, async (module) => {
      await expect(module.invoke("fail", "null")).rejects.toMatchObject({
        code: "ERR_EXT_GUEST",
        extension: "guest",
        function: "fail",
        guest: { name: "RangeError", message: "out of cheese", stack: expect.stringContaining("guest.mjs") },
      });
      await expect(module.invoke("echo", "not JSON")).rejects.toMatchObject({ code: "ERR_EXT_BAD_PAYLOAD" });
    });
  });

  it("come back in any number and order", async () => {
    await withGuest({ placement }, async (module) => {
      const calls = Array.from({ length: 5000 }, (_, i) =>
        module.call(i % 7 === 0 ? "later" : "echo", i % 7 === 0 ? 1 : i),
      );
      const answers = await Promise.all(calls);
      expect(answers.every((answer, i) => answer === (i % 7 === 0 ? 1 : i))).toBe(true);
      expect(module.stats()).toMatchObject({ calls: 5000, failures: 0, running: 0, queued: 0 });
    });
  });

  it("more at a time than a worker holds", async () => {
    await withRuntime({ placement }, async (runtime) => {
      const module = await runtime.load(guest("guest", { limits: { maxInstances: 1024, maxQueue: 100_000 } }));
      const answers = await Promise.all(Array.from({ length: 20_000 }, (_, i) => module.call("echo", i)));
      expect(answers.every((answer, i) => answer === i)).toBe(true);
    });
  });

  it("keep their order when a slow one holds up those that were sent ahead", async () => {
    await withRuntime({ placement }, async (runtime) => {
      const module = await runtime.load(guest("guest", { limits: { maxInstances: 1 } }));
      // Quick calls, so that many are sent ahead.
      for (let i = 0; i < 500; i++) await module.call("echo", i);
      const slow = module.call("spin", 200);
      const behind = Array.from({ length: 50 }, () => module.call("count"));
      expect(await slow).toBe(200);
      expect(await Promise.all(behind)).toEqual(behind.map((_, i) => i + 1));
    });
  });

  it("do not share state between modules", async () => {
    await withRuntime({ placement, threads: { max: 1 }, processes: { max: 1 } }, async (runtime) => {
      const limits = { maxInstances: 1 };
      const [one, two] = await Promise.all([
        runtime.load(guest("one", { limits })),
        runtime.load(guest("two", { limits })),
      ]);
      await one.call("count");
      expect(await one.call("count")).toBe(2);
      expect(await two.call("count")).toBe(1);
    });
  });

  it("pass what a guest says to the logger of its module", async () => {
    const lines: unknown[] = [];
    await withRuntime({ placement }, async (runtime) => {
      const logger = { warn: (message: string, fields: object) => lines.push([message, fields]) };
      const module = await runtime.load(guest("talker"), { logger });
      await module.call("say", "hello");
    });
    const fields = { extension: "talker", version: "0.0.0", runtime: "native", function: "say" };
    expect(lines).toEqual([["hello", { ...fields, callId: expect.any(Number) }]]);
  });

  it("see their module closed", async () => {
    await withGuest({ placement }, async (module) => {
      const running = module.call("later", 20);
      const closed = module.close();
      await expect(module.call("echo", 1)).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
      await closed;
      expect(await running).toBe(20);
    });
  });
});

describe.each(PLACEMENTS)("loads into a %s", (placement) => {
  it.each([
    ["a missing function", guest("g", { exports: ["absent"] }), "ERR_EXT_UNKNOWN_FUNCTION"],
    ["a syntax error", guest("g", { exports: ["f"] }, "export const f = ;"), "ERR_EXT_GUEST"],
    ["a top level that throws", guest("g", { exports: ["f"] }, "throw new Error('no'); "), "ERR_EXT_GUEST"],
  ])("fail for %s as they do inline", async (_what, source, code) => {
    await withRuntime({ placement }, async (runtime) => {
      await expect(runtime.load(source)).rejects.toMatchObject({ code });
      expect(await (await runtime.load(guest("next"))).call("echo", 1)).toBe(1);
    });
  });

  it("end a top level that does not end, and serve the next module", async () => {
    await withRuntime({ placement }, async (runtime) => {
      const endless = guest("endless", { limits: { loadTimeoutMs: 100 } }, "for (;;); export const f = 1;");
      await expect(runtime.load(endless)).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
      expect(await (await runtime.load(guest("next"))).call("echo", 1)).toBe(1);
    });
  });
});

describe("a thread", () => {
  it("answers synchronous calls, an instance made on demand included", async () => {
    await withRuntime({ placement: "thread" }, async (runtime) => {
      const module = await runtime.load(guest(), { lazy: true });
      expect(module.invokeSync("echo", "[1]")).toBe("[1]");
      expect(() => module.invokeSync("fail", "null")).toThrow(/out of cheese/);
      expect(() => module.invokeSync("later", "1")).toThrow(/asynchronous/);
      expect(module.invokeSync("echo", "2")).toBe("2");
    });
  });

  it("ends a synchronous call at its deadline, and serves on", async () => {
    await withGuest({ placement: "thread" }, async (module) => {
      for (let round = 0; round < 5; round++) {
        expect(() => module.invokeSync("forever", "null", { timeoutMs: 30 })).toThrow(
          expect.objectContaining({ code: "ERR_EXT_TIMEOUT" }),
        );
        expect(module.invokeSync("echo", "1")).toBe("1");
      }
    });
  });

  it("answers overlapping calls while the caller waits for another", async () => {
    await withGuest({ placement: "thread" }, async (module) => {
      const before = Array.from({ length: 100 }, (_, i) => module.call("echo", i));
      expect(await module.call("echo", 0)).toBe(0);
      expect(module.invokeSync("echo", "7")).toBe("7");
      expect(await Promise.all(before)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    });
  });
});

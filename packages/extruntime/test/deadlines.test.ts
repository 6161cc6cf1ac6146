import { afterEach, describe, expect, it, vi } from "vitest";
import { DeadlineTimer } from "../dist/engine.js";
import { native } from "../dist/index.js";

const CODE = `
export const forever = () => { for (;;); };
export const never = () => new Promise(() => { setInterval(() => {}, 1000); });
export const echo = (value) => value;
`;
const EXTENSION = {
  manifest: { name: "late", runtime: "native", module: "late.mjs", exports: ["forever", "never", "echo"] },
  files: { "late.mjs": CODE },
};

describe("a deadline", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("waits again where the timer of Node comes early", () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const action = vi.fn();
    new DeadlineTimer(10.5, action);
    now = 9.6;
    vi.advanceTimersByTime(11);
    expect(action).not.toHaveBeenCalled();
    now = 10.5;
    vi.advanceTimersByTime(1);
    expect(action).toHaveBeenCalledOnce();
    vi.restoreAllMocks();
  });

  it.each(["thread", "process"] as const)(
    "is never early in a %s: running, waiting, in the queue, or while an instance is made",
    async (placement) => {
      const runtime = native({ placement });
      try {
        const module = await runtime.load(EXTENSION, { limits: { maxInstances: 1, maxQueue: 1000 } });
        const early: number[] = [];
        const call = async (fn: string, timeoutMs: number) => {
          const began = performance.now();
          await expect(module.invoke(fn, "null", { timeoutMs })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
          const took = performance.now() - began;
          if (took < timeoutMs) early.push(took - timeoutMs);
        };
        for (let round = 0; round < (placement === "thread" ? 40 : 6); round++) {
          // Off the whole milliseconds that timers count.
          const ms = 2 + round * 0.37;
          await Promise.all([call("never", ms), call("echo", ms), call("never", ms / 2)]);
        }
        for (let round = 0; round < 5; round++) await call("forever", 3 + round * 0.37);
        const slow = { ...EXTENSION, files: { "late.mjs": `${CODE} for (;;);` } };
        for (let round = 0; round < 5; round++) {
          const timeoutMs = 5 + round;
          const began = performance.now();
          await expect(runtime.load(slow, { limits: { loadTimeoutMs: timeoutMs } })).rejects.toMatchObject({
            code: "ERR_EXT_TIMEOUT",
          });
          expect(performance.now() - began).toBeGreaterThanOrEqual(timeoutMs);
        }
        expect(early).toEqual([]);
      } finally {
        await runtime.close({ abort: true });
      }
    },
  );
});

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CallTiming } from "../../src/placement/worker/call-timing.ts";

describe("the timing of a program's calls", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Calls of so many milliseconds each. */
  function call(timing: CallTiming, ms: number, count: number) {
    for (let i = 0; i < count; i++) {
      const begun = timing.begin(false);
      vi.advanceTimersByTime(ms);
      timing.end(begun);
    }
  }

  it("is unknown at first, and brief when calls were short", () => {
    const timing = new CallTiming();
    expect([timing.slow, timing.brief]).toEqual([true, false]);
    vi.advanceTimersByTime(1);
    call(timing, 0.01, 1);
    expect([timing.slow, timing.brief]).toEqual([false, true]);
    call(timing, 1, 20);
    expect([timing.slow, timing.brief]).toEqual([true, false]);
  });

  it("is not brief for a hundred calls after a long one, all of which are measured", () => {
    const timing = new CallTiming();
    vi.advanceTimersByTime(1);
    call(timing, 0.01, 100);
    const begun = timing.begin(true);
    vi.advanceTimersByTime(50);
    timing.end(begun);
    for (let i = 0; i < 99; i++) {
      expect(timing.brief).toBe(false);
      const measured = timing.begin(false);
      expect(measured).toBeGreaterThan(0);
      vi.advanceTimersByTime(0.01);
      timing.end(measured);
    }
    call(timing, 0.01, 1);
    expect(timing.brief).toBe(true);
  });

  it("is quick while calls are too short for each to be measured, and not for a hundred calls after a long one", () => {
    const timing = new CallTiming();
    expect(timing.quick).toBe(false);
    vi.advanceTimersByTime(1);
    call(timing, 0.01, 16);
    expect(timing.quick).toBe(true);
    const begun = timing.begin(true);
    vi.advanceTimersByTime(50);
    timing.end(begun);
    expect(timing.quick).toBe(false);
    call(timing, 0.01, 100);
    expect(timing.quick).toBe(true);
    call(timing, 0.2, 40);
    expect(timing.quick).toBe(false);
  });
});

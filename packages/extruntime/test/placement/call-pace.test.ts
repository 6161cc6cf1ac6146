import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CallPace } from "../../src/placement/worker/call-timing.ts";

describe("the pace of a program's calls", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Calls of so many milliseconds each. */
  function call(pace: CallPace, ms: number, count: number) {
    for (let i = 0; i < count; i++) {
      const begun = pace.begin(false);
      vi.advanceTimersByTime(ms);
      pace.end(begun);
    }
  }

  it("is unknown at first, and brief when calls were short", () => {
    const pace = new CallPace();
    expect([pace.slow, pace.brief]).toEqual([true, false]);
    vi.advanceTimersByTime(1);
    call(pace, 0.01, 1);
    expect([pace.slow, pace.brief]).toEqual([false, true]);
    call(pace, 1, 20);
    expect([pace.slow, pace.brief]).toEqual([true, false]);
  });

  it("is not brief for a hundred calls after a long one, all of which are measured", () => {
    const pace = new CallPace();
    vi.advanceTimersByTime(1);
    call(pace, 0.01, 100);
    const begun = pace.begin(true);
    vi.advanceTimersByTime(50);
    pace.end(begun);
    for (let i = 0; i < 99; i++) {
      expect(pace.brief).toBe(false);
      const measured = pace.begin(false);
      expect(measured).toBeGreaterThan(0);
      vi.advanceTimersByTime(0.01);
      pace.end(measured);
    }
    call(pace, 0.01, 1);
    expect(pace.brief).toBe(true);
  });
});

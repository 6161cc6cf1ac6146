import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { NOT_STARTED, UNLIMITED } from "../../src/contract/engine.ts";
import { ProgramHistory } from "../../src/placement/host/calls/program-history.ts";
import { RemoteCall } from "../../src/placement/host/calls/remote-call.ts";
import { PlacedWorker } from "../../src/placement/host/placed-worker.ts";
import type { WorkerKeeper } from "../../src/placement/host/worker-keeper.ts";
import type { Link, LinkEvents } from "../../src/placement/wire/link.ts";
import { heldBy, ownThread, type ProcessorUse, type Ready, useOf } from "../../src/placement/wire/processor-use.ts";
import { KIND } from "../../src/placement/wire/protocol.ts";

const LOOKS = 100;

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

/** A worker whose link answers when the test says so. */
function worker() {
  let events!: LinkEvents;
  const use = { ranMs: 0, waitedMs: 0, ready: "none" as Ready };
  const late = {
    on: false,
    answers: [] as (() => void)[],
    now: () => late.answers.splice(0).forEach((each) => void each()),
  };
  const withdrawals: (() => void)[] = [];
  const ends: string[] = [];
  const bytes = { given: 0, taken: 0 };
  const link: Link = {
    send: (_kind, _flags, _number, _key, _target, _time, body) => {
      bytes.given += body.length;
    },
    get given() {
      return bytes.given;
    },
    get taken() {
      return bytes.taken;
    },
    flushSoon() {},
    flush() {},
    withdraw: (keys, answer) => void withdrawals.push(() => answer(keys.map(() => true))),
    use: (answer) => {
      if (late.on) late.answers.push(() => answer({ ...use }));
      else answer({ ...use });
    },
    abort() {},
    takeUnstarted: (keys) => keys.map(() => false),
    poll() {},
    kill: (how) => {
      ends[0] ??= how;
    },
    giveUp: (how) => void ends.push(how),
    gone: Promise.resolve(),
    hold() {},
  };
  const keeper: WorkerKeeper = {
    log() {},
    hostCall: () => undefined,
    closed() {},
    isUnexplained: () => false,
    mayLinger: () => true,
    canBeAlone: () => false,
    ended() {},
    idle() {},
    busy() {},
    patience: { factor: 1 },
  };
  const placed = new PlacedWorker("process", false, keeper, (each) => {
    events = each;
    return link;
  });
  events.frame(KIND.ready, 0, 0, 0, 0, 0, "");
  const ask = (payload = "1") => {
    const call = new RemoteCall(
      UNLIMITED,
      { succeed() {}, fail() {} },
      { program: 1, history: new ProgramHistory(), wentOn() {}, ended() {} },
    );
    placed.ask(call, KIND.call, 0, 0, 1, payload);
    return call;
  };
  /** Looks so often, each time 10 ms later or more, while its thread runs and waits for a processor for so many milliseconds. */
  const look = (times: number, ranMs: number, waitedMs = 0) => {
    for (let i = 0; i < times; i++) {
      vi.advanceTimersByTime(Math.max(10, (ranMs + waitedMs) / times));
      use.ranMs += ranMs / times;
      use.waitedMs += waitedMs / times;
      placed.look();
    }
  };
  const answer = () => withdrawals.splice(0).forEach((each) => void each());
  return {
    placed,
    ask,
    look,
    answer,
    ends,
    bytes,
    use,
    late,
    began: (key: number) => events.began(key),
    frame: (kind: number, key: number) => events.frame(kind, 0, 0, key, 0, 0, ""),
  };
}

describe("a worker that gives no sign", () => {
  it("and runs all the time is ended, and its calls are handed back", () => {
    const { ask, look, answer, ends } = worker();
    const call = ask();
    look(LOOKS + 3, 1000);
    answer();
    expect(ends).toEqual(["was ended, since what a guest had left behind held it"]);
    expect(call.error).toBe(NOT_STARTED);
  });

  it("and only lacks a processor is not ended, however long that takes", () => {
    const { ask, look, answer, ends } = worker();
    ask();
    look(50 * LOOKS, 200, 500_000);
    answer();
    expect(ends).toEqual([]);
  });

  it("but gives one before it has taken back its calls is not ended", () => {
    const { ask, look, answer, ends, frame } = worker();
    const first = ask();
    look(LOOKS + 3, 1000);
    frame(KIND.began, first.key);
    answer();
    expect(ends).toEqual([]);
  });

  it("is not ended with a call that came while it took back others, since that may have begun", () => {
    const { ask, look, answer, ends } = worker();
    const first = ask();
    look(LOOKS + 3, 1000);
    const second = ask();
    answer();
    expect(ends).toEqual([]);
    expect([first.settled, second.settled]).toEqual([true, false]);
    // The next time it is one of those that are taken back.
    look(LOOKS, 1000);
    answer();
    expect(second.error).toBe(NOT_STARTED);
    expect(ends).toHaveLength(1);
  });
});

describe("a worker that lacks a processor", () => {
  it("is not held up, however many calls wait there", () => {
    const { placed, ask, look, use } = worker();
    ask();
    ask();
    // What it has waited is told when it gets a processor for a moment.
    use.ready = "itself";
    for (let i = 0; i < 5; i++) {
      look(50, 0);
      expect([placed.stalled, placed.wantsRelief]).toEqual([false, false]);
      look(1, 1, 499);
      expect([placed.stalled, placed.wantsRelief]).toEqual([false, false]);
    }
  });

  it("or whose process's other threads lack one, which it may wait for, is held up when it is blocked for long", () => {
    const { placed, ask, look, use } = worker();
    ask();
    ask();
    use.ready = "others";
    look(40, 0);
    expect(placed.stalled).toBe(false);
    look(20, 0);
    expect(placed.stalled).toBe(true);
  });

  it("is held up once it has run for as long as any", () => {
    const { placed, ask, look, use } = worker();
    ask();
    use.ready = "itself";
    look(50, 20, 1000);
    expect([placed.stalled, placed.wantsRelief]).toEqual([true, false]);
    look(50, 80, 1000);
    expect(placed.wantsRelief).toBe(true);
  });

  it("counts from when it told of itself, which it does late", () => {
    const { placed, ask, look, use, late } = worker();
    ask();
    ask();
    late.on = true;
    use.ready = "itself";
    look(1, 0);
    look(50, 0);
    use.waitedMs += 500;
    late.now();
    look(4, 0, 40);
    late.now();
    expect(placed.stalled).toBe(false);
    use.ready = "none";
    for (let i = 0; i < 2; i++) {
      look(4, 0);
      late.now();
    }
    expect(placed.stalled).toBe(true);
  });
});

describe("a worker that is sent a long payload", () => {
  const MIB = 2 ** 20;

  it("is not held up while it takes it, nor in the time that it then needs to read it", () => {
    const { placed, ask, look, bytes } = worker();
    ask("x".repeat(10 * MIB));
    ask();
    for (bytes.taken = MIB / 4; bytes.taken < 10 * MIB; bytes.taken += MIB) {
      look(3, 0);
      expect(placed.wantsRelief).toBe(false);
    }
    bytes.taken = bytes.given;
    look(80, 100);
    expect(placed.wantsRelief).toBe(false);
    look(10, 0);
    expect(placed.wantsRelief).toBe(true);
  });

  it("is held up as soon as any where it does not take it, or has begun the call", () => {
    const { placed, ask, look, bytes, began } = worker();
    ask();
    const long = ask("x".repeat(10 * MIB));
    bytes.taken = MIB / 16;
    look(4, 40);
    expect(placed.wantsRelief).toBe(true);
    bytes.taken = bytes.given;
    look(4, 40);
    expect(placed.wantsRelief).toBe(false);
    began(long.key);
    look(4, 40);
    expect(placed.wantsRelief).toBe(true);
  });

  it("is given more time where its calls were taken back before it had read them", () => {
    const { placed, ask, look, answer, bytes } = worker();
    const silentLooks = () => {
      ask("x".repeat(MIB));
      bytes.taken = bytes.given;
      let looks = 0;
      do {
        look(1, 0);
        looks++;
      } while (!placed.stalled);
      placed.handBack();
      answer();
      return looks;
    };
    const first = silentLooks();
    // There is twice as much to read, too: who reads passes over what was taken back.
    expect(silentLooks()).toBeGreaterThan(first * 2.5);
  });
});

describe("a thread", () => {
  const use = (ranMs: number, waitedMs: number | undefined, ready: Ready = "none"): ProcessorUse => ({
    ...{ ranMs, waitedMs, ready },
  });

  it("is held where it ran, or neither ran nor waited for a processor", () => {
    expect(heldBy(1000, use(100, 0), use(1000, 0))).toBeGreaterThan(1);
    expect(heldBy(60_000, use(100, 0), use(200, 50_000))).toBeLessThan(1);
    expect(heldBy(1000, use(100, 0), use(100, 0))).toBeLessThan(1);
    expect(heldBy(60_000, use(100, 0), use(200, 100))).toBeGreaterThan(1);
    // It waits for a processor now, and that is counted when it gets one.
    expect(heldBy(60_000, use(100, 0), use(200, 100, "itself"))).toBeLessThan(1);
    expect(heldBy(5000, use(100, undefined), use(200, undefined))).toBeLessThan(1);
    expect(heldBy(60_000, use(100, undefined), use(200, undefined))).toBeGreaterThan(1);
  });

  it("is told what it has had of the processors", () => {
    const before = useOf(ownThread());
    const until = before.ranMs + 50;
    while (useOf(ownThread()).ranMs < until);
    expect(useOf(ownThread()).ranMs).toBeGreaterThanOrEqual(until);
    expect(useOf(-1).waitedMs).toBe(undefined);
  });
});

import { closeSync, writeSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { UNLIMITED } from "../../src/contract/engine.ts";
import { HOST_ANSWER, readHostAnswer } from "../../src/contract/host-functions.ts";
import { ProgramHistory } from "../../src/placement/host/calls/program-history.ts";
import { RemoteCall } from "../../src/placement/host/calls/remote-call.ts";
import { PlacedWorker } from "../../src/placement/host/placed-worker.ts";
import type { WorkerKeeper } from "../../src/placement/host/worker-keeper.ts";
import { JOURNAL_BYTES, JournalReader, JournalWriter, openJournal } from "../../src/placement/process/journal.ts";
import { SupervisorReport } from "../../src/placement/process/supervisor-report.ts";
import { errorFromJson, errorToJson } from "../../src/placement/wire/error.ts";
import { frameMemory, writeFrame } from "../../src/placement/wire/frame.ts";
import type { Link, LinkEvents } from "../../src/placement/wire/link.ts";
import { type Body, KIND } from "../../src/placement/wire/protocol.ts";
import { FrameRing } from "../../src/placement/wire/ring.ts";
import { FrameBatch, FrameStream } from "../../src/placement/wire/stream.ts";
import { Random } from "./fuzz.ts";

/**
 * Every decoder of what a worker sends, with frames that were right before a seed changed them. `EXTRUNTIME_FUZZ_FRAMES` sets how many, in all, and
 * `EXTRUNTIME_FUZZ_SEED` where they begin.
 */
const FRAMES = Number(process.env.EXTRUNTIME_FUZZ_FRAMES ?? 200_000);
const SEED = Number(process.env.EXTRUNTIME_FUZZ_SEED ?? 1);
/** How long one decoder may take for one round, in milliseconds: past it, it hangs. */
const HANGS_MS = 5000;

const ERROR = errorToJson(new TypeError("an error of the engine"));
const BODIES: readonly Body[] = ["", "1", '{"a":[1,2,3]}', "\ud800", "é\u{1F600}", ERROR, new Uint8Array([1, 0, 0, 0])];
const KINDS = Object.values(KIND);

function frameOf(random: Random): [number, number, number, number, number, number, Body] {
  return [
    random.below(8) === 0 ? random.below(256) : random.pick(KINDS),
    random.below(3) === 0 ? random.below(256) : 0,
    random.below(4) === 0 ? random.below(65_536) : 0,
    random.below(2) === 0 ? random.word() : random.below(4) * 4096 + random.below(8),
    random.below(3) === 0 ? random.word() : random.below(3),
    random.below(3) === 0 ? random.word() : 0,
    random.pick(BODIES),
  ];
}

/** Some frames, written as they should be, with some bytes and words changed. */
function mutated(random: Random, count: number): Uint8Array {
  const memory = frameMemory(new ArrayBuffer(count * 4096));
  let end = 0;
  for (let i = 0; i < count; i++) end = writeFrame(memory, end, ...frameOf(random));
  for (let i = random.below(3); i > 0; i--) memory.words[random.below(end >> 2)] = random.word();
  for (let i = random.below(3); i > 0; i--) memory.bytes[random.below(end)] = random.below(256);
  return memory.bytes.subarray(0, random.below(4) === 0 ? random.below(end) : end);
}

/** A worker as the host sees it, whose link does nothing but take note of its end. */
function placed() {
  let events!: LinkEvents;
  let gaveUp = 0;
  let lines = 0;
  const link: Link = {
    send() {},
    flushSoon() {},
    flush() {},
    withdraw: (keys, answer) => answer(keys.map(() => false)),
    use() {},
    given: 0,
    taken: 0,
    abort() {},
    takeUnstarted: (keys) => keys.map(() => false),
    poll() {},
    kill: (how) => events.ended({ how, memory: false }),
    giveUp(how) {
      gaveUp++;
      events.ended({ how, memory: false, fault: true });
    },
    gone: Promise.resolve(),
    hold() {},
  };
  const keeper: WorkerKeeper = {
    log: () => void lines++,
    hostCall: (_program, index) => (index === 0 ? "=1" : index === 1 ? Promise.resolve("=1") : undefined),
    closed() {},
    isUnexplained: () => false,
    mayLinger: () => true,
    canBeAlone: () => false,
    ended() {},
    idle() {},
    busy() {},
    patience: { factor: 1 },
  };
  const worker = new PlacedWorker("process", false, keeper, (each) => {
    events = each;
    return link;
  });
  worker.served.add(1);
  worker.frame(KIND.ready, 0, 0, 0, 0, 0, "");
  let settled = 0;
  const answer = { succeed: () => void settled++, fail: () => void settled++ };
  const calls = Array.from(
    { length: 8 },
    () => new RemoteCall(UNLIMITED, answer, { program: 1, history: new ProgramHistory(), wentOn() {}, ended() {} }),
  );
  for (const call of calls) worker.ask(call, KIND.call, 0, 0, 1, "1");
  return { worker, calls, gaveUp: () => gaveUp, settled: () => settled, lines: () => lines };
}

/** Does the round for each count of frames, until all frames are used up. */
function fuzz(share: number, perRound: number, round: (random: Random, seed: number) => void): void {
  const rounds = Math.ceil((FRAMES * share) / perRound);
  for (let i = 0; i < rounds; i++) {
    const seed = SEED + i;
    const before = performance.now();
    try {
      round(new Random(seed), seed);
    } catch (error) {
      throw new Error(`EXTRUNTIME_FUZZ_SEED=${seed}`, { cause: error });
    }
    if (performance.now() - before > HANGS_MS) throw new Error(`EXTRUNTIME_FUZZ_SEED=${seed} took too long`);
  }
}

const COUNT = 20;
const NO_LIMITS: [undefined, undefined, undefined] = [undefined, undefined, undefined];

describe("whatever is written where the supervisor reports,", () => {
  it("is read without end or fault, and little of it is kept", { timeout: 0 }, () => {
    const limit = 64 * 2 ** 20;
    const right = ["memory 100", "tasks 7", "data 1", `data ${2 ** 31}`, "memory 99999999999999999999", "tasks 0"];
    const wrong = [
      "",
      "memory",
      "memory -1",
      "memory 1e9",
      "tasks NaN",
      "__proto__ 1",
      "data 1 2",
      "\0",
      "\u00ff",
      "x".repeat(70),
    ];
    let ended = 0;
    fuzz(0.05, COUNT, (random) => {
      const report = random.below(2) === 0 ? new SupervisorReport(limit, limit, 8) : new SupervisorReport(...NO_LIMITS);
      let text = "";
      for (let i = 0; i < COUNT; i++) {
        const line = random.pick(random.below(2) === 0 ? right : wrong);
        const at = random.below(line.length + 1);
        text +=
          random.below(4) === 0 ? line.slice(0, at) + random.pick([" ", "\r", "\n", "9", "-"]) + line.slice(at) : line;
        text += random.below(8) === 0 ? "" : "\n";
      }
      for (let at = 0; at < text.length; ) {
        const cut = at + 1 + random.below(40);
        report.push(text.slice(at, cut));
        at = cut;
        if (random.below(4) === 0) report.look();
        expect(report.held).toBeLessThanOrEqual(32);
        expect(typeof report.explains(random.pick(["SIGSEGV", "SIGKILL", null]))).toBe("boolean");
      }
      if (report.ended === undefined) return;
      ended++;
      expect(report.ended.how).toMatch(/^was ended (for want of memory|because there were)[^\n]{0,200}$/);
      expect(report.ended.how).not.toMatch(/NaN|undefined|Infinity/);
    });
    expect(ended).toBeGreaterThan(0);
    const report = new SupervisorReport(...NO_LIMITS);
    for (let i = 0; i < 1000; i++) report.push("9".repeat(10_000));
    expect(report.held).toBeLessThanOrEqual(32);
    report.push(`memory ${"9".repeat(1_000_000)}\n`);
    expect(report.ended).toBe(undefined);
  });
});

describe("whatever a worker sends,", () => {
  it("frames through a pipe end in answers or in the worker's end, and each call settles once at the most", {
    timeout: 0,
  }, () => {
    fuzz(0.5, COUNT, (random) => {
      const { worker, calls, gaveUp, settled } = placed();
      const stream = new FrameStream(worker, 1 << 20);
      const bytes = mutated(random, COUNT);
      for (let at = 0; at < bytes.length; ) {
        const cut = at + 1 + random.below(200);
        stream.push(bytes.subarray(at, cut));
        at = cut;
      }
      expect(gaveUp()).toBeLessThan(2);
      expect(settled()).toBe(calls.filter((call) => call.settled).length);
      expect(stream.held).toBeLessThanOrEqual(bytes.length);
      if (gaveUp() === 1) expect(settled()).toBe(calls.length);
    });
  });

  it("a ring whose every word is a stranger's is read within its memory, and not for ever", { timeout: 0 }, () => {
    const size = 2048;
    fuzz(0.25, COUNT, (random) => {
      const buffer = new SharedArrayBuffer(FrameRing.bytesFor(size));
      const [writer, reader] = [new FrameRing(buffer, 0, size), new FrameRing(buffer, 0, size)];
      const words = new Int32Array(buffer);
      let read = 0;
      const sink = { frame: () => void read++ };
      for (let i = 0; i < COUNT; i++) {
        writer.write(...frameOf(random));
        if (random.below(4) === 0) words[random.below(words.length)] = random.word();
        if (random.below(8) === 0) words[random.pick([0, 32])] = random.word();
        reader.read(sink, () => random.pick([undefined, "aside"]));
      }
      expect(read).toBeLessThanOrEqual((COUNT * size) / 20);
    });
  });

  it("a journal gives what it holds whole, and ends", { timeout: 0 }, () => {
    const fd = openJournal();
    const reader = new JournalReader(SEED, fd);
    let pieces = 0;
    fuzz(0.2, COUNT, (random) => {
      const batch = new FrameBatch(new ArrayBuffer(JOURNAL_BYTES));
      const journal = new JournalWriter(SEED, fd);
      for (let i = 0; i < COUNT; i++) {
        batch.add(...frameOf(random));
        if (random.below(3) === 0) journal.note(random.word(), batch);
      }
      const changed = Int32Array.of(random.word(), random.word());
      writeSync(fd, changed, 0, random.below(9), random.below(batch.length + 8));
      const sink = { frame() {}, early() {}, began: () => void pieces++ };
      reader.readOn(sink, 0);
      reader.read(sink);
    });
    expect(pieces).toBeGreaterThan(0);
    reader.close();
    expect(() => closeSync(fd)).toThrow("EBADF");
  });

  it("an error that is none is no error", { timeout: 0 }, () => {
    const known = { code: "ERR_EXT_GUEST", message: "m", stack: "s", function: "f" };
    const texts = {
      ...known,
      guest: { name: "n", message: "m", stack: "s" },
      cause: { name: "n", message: "m", stack: "s" },
    };
    expect(errorFromJson(JSON.stringify(texts))).toMatchObject({ ...known, guest: texts.guest, cause: texts.cause });
    const values: readonly unknown[] = [
      null,
      1,
      "text",
      [],
      {},
      { toString: 1 },
      { valueOf: 1, toString: 1 },
      { __proto__: null },
      "__proto__",
      true,
    ];
    fuzz(0.025, 1, (random) => {
      const error: Record<string, unknown> = structuredClone(texts);
      for (let i = random.below(3); i >= 0; i--) {
        const into = random.pick(
          [error, error.guest, error.cause].filter((each) => typeof each === "object" && each !== null),
        );
        (into as Record<string, unknown>)[
          random.pick(["code", "message", "stack", "function", "guest", "cause", "name", "__proto__"])
        ] = structuredClone(random.pick(values));
      }
      let text = JSON.stringify(error);
      if (random.below(3) === 0) {
        const at = random.below(text.length);
        text =
          text.slice(0, at) + random.pick(["[", "{", '"', "\\u0000", "\\", "}", ""]) + text.slice(at + random.below(3));
      }
      const read = errorFromJson(text);
      if (read !== undefined)
        expect([typeof read.message, typeof read.code, typeof read.stack]).toEqual(["string", "string", "string"]);
    });
    for (const depth of [10_000, 1_000_000]) expect(errorFromJson("[".repeat(depth))).toBe(undefined);
    const deep = `{"code":"ERR_EXT_GUEST","message":"m","cause":${'{"cause":'.repeat(100_000)}1${"}".repeat(100_001)}`;
    expect(errorFromJson(deep)).toBe(undefined);
  });

  it("an answer of a host function is a value or an error", { timeout: 0 }, () => {
    fuzz(0.025, 1, (random) => {
      const texts = [
        '["Error","m"]',
        "1",
        '{"a":1}',
        "[1,2]",
        '["a"]',
        "null",
        "",
        "{",
        "[[],[]]",
        '["toString",{"toString":1}]',
      ];
      const first = random.pick([HOST_ANSWER.result, HOST_ANSWER.failure, "", "x", "\0"]);
      try {
        readHostAnswer(first + random.pick(texts));
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        expect(error).not.toBeInstanceOf(TypeError);
      }
    });
  });
});

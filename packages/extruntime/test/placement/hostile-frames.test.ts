import { describe, expect, it } from "vitest";
import { UNLIMITED } from "../../src/contract/engine.ts";
import { ProgramHistory } from "../../src/placement/host/calls/program-history.ts";
import { RemoteCall } from "../../src/placement/host/calls/remote-call.ts";
import { PlacedWorker } from "../../src/placement/host/placed-worker.ts";
import type { WorkerKeeper } from "../../src/placement/host/worker-keeper.ts";
import { type Link, type LinkEvents, sentWrong } from "../../src/placement/wire/link.ts";
import { FLAG, HEADER_BYTES, KIND } from "../../src/placement/wire/protocol.ts";
import { FrameStream } from "../../src/placement/wire/stream.ts";
import { withRuntime } from "./guests.ts";
import { canSandbox, hostileGuest } from "./hostile-guest.ts";

type Parts = readonly [
  number,
  number,
  number,
  number | "own",
  number | "program",
  number,
  (string | number[])?,
  number?,
];

const FD = { in: 3, out: 4, watchdog: 5, journal: 6 };
const FAR = 0x7fff_fff;
const ERRORS: readonly unknown[] = [
  { message: { toString: 1, valueOf: 1 } },
  { code: "ERR_EXT_GUEST", message: { toString: 1, valueOf: 1 } },
  { code: "ERR_EXT_NOPE", message: "no such code" },
  { code: "__proto__", message: "" },
  { code: { toString: 1 }, message: "" },
  { code: "ERR_EXT_GUEST", message: "", stack: 7 },
  { code: "ERR_EXT_GUEST", message: "", function: [] },
  { code: "ERR_EXT_GUEST", message: "", guest: { name: { toString: 1 }, message: "", stack: "" } },
  { code: "ERR_EXT_GUEST", message: "", guest: "a text" },
  { code: "ERR_EXT_GUEST", message: "", cause: { name: "Error", message: { toString: 1 } } },
  { code: "ERR_EXT_GUEST", message: "", cause: { name: null, message: "", stack: "" } },
  null,
  [],
  7,
];
const BODIES = [...ERRORS.map((error) => JSON.stringify(error)), "", "{", `${"[".repeat(100_000)}`, "\0"];

const failed = (body: string): Parts => [KIND.failed, 0, 0, "own", 0, 0, body];
const done = (...more: readonly unknown[]): Parts => [KIND.done, ...more] as unknown as Parts;

/** Frames that no agent sends. */
const WRONG: Record<string, readonly (readonly Parts[])[]> = {
  "kinds that do not exist, or go the other way": [0, 1, 5, 10, 15, 22, 26, 99, 255].map((kind) => [
    [kind, 0, 0, "own", 0, 0, "1"],
  ]),
  "answers to calls that were never asked": [FAR, 4095, 2 ** 28, -1, -(2 ** 31)].map((key) => [
    done(0, 0, key, 0, 0, "1"),
  ]),
  "answers with flags, numbers, targets and times that they do not have": [
    [done(FLAG.aside, 0, "own", 0, 0, "1")],
    [done(FLAG.bytes, 0, "own", 0, 0, "1")],
    [done(FLAG.sync, 0, "own", 0, 0, "1")],
    [done(FLAG.ascii | FLAG.utf16, 0, "own", 0, 0, "1")],
    [done(0, 1, "own", 0, 0, "1")],
    [done(0, 0, "own", 3, 0, "1")],
    [done(0, 0, "own", 0, -5, "1")],
    [[KIND.later, 0, 0, "own", 0, 0, "x"]],
    [[KIND.skipped, 0, 0, "own", 0, 7]],
  ],
  "starts, after the start": [
    [[KIND.ready, 0, 0, 0, 0, 0]],
    [[KIND.failed, 0, 0, 0, 0, 0, '{"code":"ERR_EXT_GUEST","message":"x"}']],
    [[KIND.done, 0, 0, 0, 0, 0, "1"]],
    [[KIND.later, 0, 0, 0, 0, 0]],
  ],
  "lines of levels, numbers and programs that it does not have": [
    [[KIND.log, 0, 9, 1, "program", 0, "a level"]],
    [[KIND.log, 0, 1, 1, 99_999, 0, "a program"]],
    [[KIND.log, 0, 1, 77, "program", 0, "a number"]],
    [[KIND.log, FLAG.bytes, 1, 1, "program", 0, "bytes"]],
    [[KIND.log, 0, 1, 0, "program", 0, "none"]],
    [[KIND.closed, 0, 0, 0, 99_999, 0]],
  ],
  "host calls of functions and programs that it does not have": [
    [[KIND.hostCall, 0, 7, 1, "program", 0, "1"]],
    [[KIND.hostCall, 0, 0, 1, 99_999, 0, "1"]],
    [[KIND.hostCall, 0, 0, -1, "program", 0, "1"]],
    [[KIND.hostCall, FLAG.broken, 0, 1, "program", 0, "1"]],
  ],
  "frames of lengths that cannot be": [0, 3, 19, -1, -(2 ** 31), 2 ** 31 - 1, 2 ** 30].map((length) => [
    done(0, 0, "own", 0, 0, "1", length),
  ]),
};

/** Bytes of a frame, of which the length may be a lie. */
function bytesOf([kind, flags, number, key, target, time, body = "", length]: Parts, own: number): Buffer {
  const text = Buffer.from(body as string);
  const bytes = Buffer.alloc((HEADER_BYTES + text.length + 3) & ~3);
  const words = [key === "own" ? own : key, target === "program" ? 1 : target, time];
  bytes.writeInt32LE(length ?? HEADER_BYTES + text.length, 0);
  bytes.writeUInt32LE((kind | (flags << 8) | (number << 16)) >>> 0, 4);
  for (const [i, word] of words.entries()) bytes.writeInt32LE(word | 0, 8 + 4 * i);
  text.copy(bytes, HEADER_BYTES);
  return bytes;
}

/** What a worker is given up for that sends this, with a call in it and one program; `undefined` where it is not. */
function faultOf(frames: readonly Parts[]): string | undefined {
  let fault: string | undefined;
  let events!: LinkEvents;
  const giveUp = (how: string) => {
    fault ??= how;
    events.ended({ how, memory: false, fault: true });
  };
  const nothing = () => {};
  const asLink = { send: nothing, flushSoon: nothing, flush: nothing, abort: nothing, poll: nothing, hold: nothing };
  const asKeeper = { log: nothing, closed: nothing, ended: nothing, idle: nothing, busy: nothing };
  const keeper = {
    ...asKeeper,
    hostCall: () => undefined,
    isUnexplained: () => false,
    mayLinger: () => true,
    canBeAlone: () => false,
  };
  const worker = new PlacedWorker("process", false, keeper as unknown as WorkerKeeper, (each) => {
    events = each;
    return { ...asLink, giveUp, gone: Promise.resolve(), given: 0, taken: 0 } as unknown as Link;
  });
  worker.served.add(1);
  worker.frame(KIND.ready, 0, 0, 0, 0, 0, "");
  const call = new RemoteCall(UNLIMITED, undefined, {
    program: 1,
    history: new ProgramHistory(),
    wentOn: nothing,
    ended: nothing,
  });
  worker.ask(call, KIND.call, 0, 0, 1, "1");
  const wrong = new FrameStream(worker, 256 << 20).push(Buffer.concat(frames.map((parts) => bytesOf(parts, call.key))));
  if (wrong !== undefined) giveUp(sentWrong(wrong));
  if (fault !== undefined) expect(call.error).toMatchObject({ code: "ERR_EXT_CRASHED" });
  return fault;
}

/** The first and the last: between them lies nothing that only a process shows. */
function ends<T>(cases: readonly T[]): T[] {
  return [cases[0]!, cases.at(-1)!];
}

/** Each in a runtime of its own few crashes, since more would be replaced later and later. */
async function costsOneCrash(sandbox: boolean, fn: string, values: readonly unknown[], how = /sent what cannot be/) {
  for (let at = 0; at < values.length; at += 6)
    await withRuntime({ placement: "process", processes: { max: 1, sandbox } }, async (runtime) => {
      const hostFunctions = { pay: () => "paid" };
      const module = await runtime.load(hostileGuest("hostile", { permissions: ["pay"] }), { hostFunctions });
      for (const value of values.slice(at, at + 6)) {
        await expect(module.call(fn, value), JSON.stringify(value).slice(0, 100)).rejects.toMatchObject({
          code: "ERR_EXT_CRASHED",
          message: expect.stringMatching(how),
        });
      }
      expect(await module.call("echo", 1)).toBe(1);
    });
}

describe("a worker is given up for", () => {
  it.each(Object.entries(WRONG))("%s", (_what, cases) => {
    for (const frames of cases) expect(faultOf(frames), JSON.stringify(frames)).toMatch(/sent what cannot be/);
  });

  it("failures whose errors are none", () => {
    for (const body of BODIES) expect(faultOf([failed(body)]), body.slice(0, 100)).toMatch(/sent what cannot be/);
  });

  it("none of the frames of a worker that is well", () => {
    expect(faultOf([[KIND.began, 0, 0, "own", 0, 0], done(0, 0, "own", 0, 0, "1")])).toBe(undefined);
    expect(faultOf([[KIND.log, 0, 1, 1, "program", 0, "a line"]])).toBe(undefined);
  });
});

describe("a process that sends what cannot be is ended, and costs its call ERR_EXT_CRASHED:", () => {
  it.each(Object.entries(WRONG))("%s", async (_what, cases) => {
    await costsOneCrash(
      false,
      "send",
      ends(cases).map((frames) => [FD.out, frames]),
    );
  });

  it("failures whose errors are none", async () => {
    await costsOneCrash(
      false,
      "send",
      ends(BODIES).map((body) => [FD.out, [failed(body)]]),
    );
  });

  it("answers of its watchdog that nobody asked for, or that are none", async () => {
    const bodies = ["", [1], [1, 0, 0, 0], [7, 0, 0, 0, 1]];
    await costsOneCrash(false, "send", [
      ...bodies.map((body) => [FD.watchdog, [[KIND.withdrawn, FLAG.bytes, 0, 1, 0, 0, body]]]),
      [FD.watchdog, [[KIND.done, 0, 0, 1, 0, 0, "1"]]],
      [FD.watchdog, [[KIND.withdrawn, FLAG.bytes, 0, 1, 0, 0, "", 1 << 20]]],
    ]);
  });

  it("bytes by a descriptor on which it only reads, and bytes that are no frames", async () => {
    await costsOneCrash(false, "raw", [
      [FD.in, Array(40).fill(7)],
      [FD.out, Array(40).fill(255)],
      [FD.out, Array(40).fill(0)],
      [FD.watchdog, Array(40).fill(1)],
    ]);
  });

  it("the end of its descriptors", async () => {
    // The watchdog may only be about to begin, and then fails to.
    const how = /closed a pipe to the host|was ended by SIGKILL|ended with exit code 1/;
    await costsOneCrash(false, "close", [FD.in, FD.watchdog], how);
  });

  it("answers to host calls that nobody reads", async () => {
    const payload = "x".repeat(1 << 20);
    await withRuntime({ placement: "process", processes: { max: 1 } }, async (runtime) => {
      let asked = 0;
      const pay = () => {
        asked++;
        return payload;
      };
      const hostFunctions = { pay };
      const source = hostileGuest("hostile", { permissions: ["pay"] });
      const module = await runtime.load(source, { hostFunctions });
      await expect(module.call("flood", 300)).rejects.toMatchObject({
        code: "ERR_EXT_CRASHED",
        message: expect.stringMatching(/answers to its host calls unread/),
      });
      expect(asked).toBeLessThan(290);
      expect(await module.call("echo", 1)).toBe(1);
    });
  });
});

describe.each(canSandbox() ? [false, true] : [false])("a journal in a process with sandbox: %s", (sandbox) => {
  it("that holds a failure which cannot be read takes nothing but its process", async () => {
    const bodies = BODIES.filter((body) => body.length < 1000).slice(0, 3);
    const how = /sent what cannot be/;
    await costsOneCrash(sandbox, "note", bodies.map(failed), how);
    await costsOneCrash(sandbox, "noteAndDie", bodies.map(failed), /SIGKILL|sent what cannot be/);
  });

  it("that holds anything at all does the same", async () => {
    const seeds = [1, 2].flatMap((seed) => [
      [seed, true],
      [seed, false],
    ]);
    await costsOneCrash(sandbox, "scribble", seeds, /SIGKILL|sent what cannot be/);
  });
});

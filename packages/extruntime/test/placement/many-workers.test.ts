import { PassThrough, Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { DEFAULT_BOUNDS } from "../../src/contract/bounds.ts";
import { WorkerFolder } from "../../src/placement/host/worker-folder.ts";
import { GuestOutput } from "../../src/placement/process/guest-output.ts";
import { HEADER_BYTES } from "../../src/placement/wire/protocol.ts";
import { FrameStream, MOST_FROM_WORKER, mostFrameBytes } from "../../src/placement/wire/stream.ts";

/** Past ten listeners of an event Node warns of a leak. */
const WORKERS = 30;

describe("many workers", () => {
  it("share one listener for the end of this process", async () => {
    const before = process.listenerCount("exit");
    const folders = Array.from({ length: WORKERS }, () => new WorkerFolder());
    expect(process.listenerCount("exit") - before).toBeLessThanOrEqual(1);
    await Promise.all(folders.map((folder) => folder.remove()));
  });

  it("share one listener for a standard stream that is full, and go on when it is not", async () => {
    const written: string[] = [];
    const held: (() => void)[] = [];
    const to = new Writable({
      highWaterMark: 1,
      decodeStrings: false,
      write(text: string, _encoding, done) {
        written.push(text);
        held.push(done);
      },
    });
    const pipes = Array.from({ length: WORKERS }, () => new PassThrough());
    for (const pipe of pipes) new GuestOutput(pipe, to);
    for (const [index, pipe] of pipes.entries()) pipe.write(`line ${index}\n`);
    while (written.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    for (const event of ["drain", "error", "close"])
      expect([event, to.listenerCount(event)]).toEqual([event, expect.any(Number)]);
    expect(Math.max(...["drain", "error", "close"].map((event) => to.listenerCount(event)))).toBeLessThan(5);
    while (written.length < WORKERS || held.length > 0) {
      held.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written.join("").split("\n").length).toBe(WORKERS + 1);
  });
});

it("output of processes gives no warning of a leak, though Node pipes that of many threads to the same stream", async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on("warning", note);
  const held: (() => void)[] = [];
  const to = new Writable({ highWaterMark: 1, write: (_text, _encoding, done) => held.push(done) });
  // As Node does for each of its threads.
  to.setMaxListeners(0);
  for (let thread = 0; thread < WORKERS; thread++) new PassThrough().pipe(to, { end: false });
  to.setMaxListeners(10);
  const pipe = new PassThrough();
  new GuestOutput(pipe, to);
  pipe.write("a line\n");
  while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", note);
  expect(to.listenerCount("error")).toBeGreaterThan(WORKERS);
  expect(to.getMaxListeners()).toBe(10);
  expect(warnings).toEqual([]);
});

describe("a frame from a worker", () => {
  const header = (length: number) => {
    const bytes = new Uint8Array(HEADER_BYTES);
    new Int32Array(bytes.buffer)[0] = length;
    return bytes;
  };

  it("is as long as the bounds of a program let it be, and one that says it is longer is refused before it has come", () => {
    expect(mostFrameBytes(DEFAULT_BOUNDS)).toBeLessThan(2 ** 25 + 2 ** 20);
    expect(mostFrameBytes({ ...DEFAULT_BOUNDS, resultBytes: 10, hostCallBytes: 10 })).toBe(MOST_FROM_WORKER);
    const raised = mostFrameBytes({ ...DEFAULT_BOUNDS, resultBytes: 2 ** 26 });
    expect(raised).toBeGreaterThan(2 ** 27);
    const stream = new FrameStream({ frame: () => {} }, MOST_FROM_WORKER);
    expect(stream.push(header(MOST_FROM_WORKER))).toBeUndefined();
    const other = new FrameStream({ frame: () => {} }, MOST_FROM_WORKER);
    other.allow(raised);
    other.allow(100);
    expect(other.push(header(raised))).toBeUndefined();
    const third = new FrameStream({ frame: () => {} }, MOST_FROM_WORKER);
    expect(third.push(header(raised))).toMatch(/a frame of \d+ bytes/);
  });
});

import { writeSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JOURNAL_BYTES, JournalReader, JournalWriter, openJournal } from "../../src/placement/process/journal.ts";
import { mapFile, mappedFileAddon } from "../../src/placement/process/mapped-file.ts";
import { CALL_STATES_BYTES, CallStates, nextKey, slotOf } from "../../src/placement/wire/call-states.ts";
import type { Body } from "../../src/placement/wire/protocol.ts";
import { FrameRing } from "../../src/placement/wire/ring.ts";
import { FrameBatch, FrameStream } from "../../src/placement/wire/stream.ts";

type Frame = readonly [number, number, number, number, number, number, Body];

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const body = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.uint8Array());
const frame = fc.tuple(fc.nat(255), fc.constant(0), fc.nat(65_535), word, word, word, body);

/** Takes frames, without the flags that the encoding sets. */
function collector() {
  const frames: Frame[] = [];
  return {
    frames,
    frame: (kind: number, _flags: number, number: number, key: number, target: number, time: number, body: Body) => {
      frames.push([kind, 0, number, key, target, time, body]);
    },
  };
}

describe("frames", () => {
  it("come out of a pipe as they went in, whatever pieces it makes of them", () => {
    fc.assert(
      fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 40 })), (frames, cuts) => {
        const batch = new FrameBatch();
        for (const each of frames) batch.add(...each);
        let bytes = batch.take(true);
        const sink = collector();
        const stream = new FrameStream(sink);
        for (const cut of cuts) {
          stream.push(bytes.subarray(0, cut));
          bytes = bytes.subarray(cut);
        }
        stream.push(bytes);
        expect(sink.frames).toEqual(frames);
      }),
    );
  });

  it("leave the home of their batch when they are too long for it, and come back", () => {
    const batch = new FrameBatch(new ArrayBuffer(256));
    for (const text of ["short", "l".repeat(1000), "m".repeat(2000), "short again"]) {
      const sink = collector();
      for (const key of [1, 2]) batch.add(17, 0, 0, key, 0, 0, text);
      expect(batch.atHome).toBe(text.length < 20);
      new FrameStream(sink).push(batch.take(false));
      expect(batch.atHome).toBe(true);
      expect(sink.frames.map(([, , , key, , , body]) => [key, body])).toEqual([
        [1, text],
        [2, text],
      ]);
    }
  });

  it("come out of a ring as they went in, around its end too", () => {
    fc.assert(
      fc.property(fc.array(frame, { minLength: 20, maxLength: 200 }), (frames) => {
        const ring = new FrameRing(new SharedArrayBuffer(FrameRing.bytesFor(1024)), 0, 1024);
        const sink = collector();
        const aside = () => "";
        for (const each of frames) {
          while (!ring.write(...each)) {
            const before = sink.frames.length;
            ring.read(sink, aside);
            expect(sink.frames.length).toBeGreaterThan(before);
          }
        }
        ring.read(sink, aside);
        expect(sink.frames).toEqual(frames);
        expect(ring.empty).toBe(true);
      }),
    );
  });

  it("that are none end the reading with an error, not with the reader's memory", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const stream = new FrameStream(collector());
        expect(stream.push(bytes) ?? "a frame").toMatch(/^a frame/);
      }),
    );
  });
});

const addon = mappedFileAddon();

it("the addon that maps a journal is there in CI, where the tests of it would else be missing", () => {
  const wanted = process.env.CI !== undefined && process.platform === "linux" && process.arch === "x64";
  expect(wanted && addon === undefined).toBe(false);
});

/** Number of the first batch. */
const FIRST = 1000;
const APART = 2 ** 20;

/** A journal, and its writer with the batch that it writes of. */
function journal(how: "written" | "mapped") {
  const fd = openJournal();
  const memory = how === "mapped" ? mapFile(addon!, fd, JOURNAL_BYTES) : undefined;
  if (how === "mapped") expect(memory).toBeInstanceOf(ArrayBuffer);
  // Each writer is a child of its own, whose batches no other has.
  let made = 0;
  const writer = () => new JournalWriter(FIRST + APART * made++, memory === undefined ? fd : undefined);
  return { fd, writer, batch: new FrameBatch(memory), reader: new JournalReader(FIRST, fd) };
}

describe.each(addon === undefined ? ["written" as const] : ["written" as const, "mapped" as const])(
  "a journal that is %s",
  (how) => {
    it("gives the calls that began and the answers that were not sent, and nothing of a record that was cut short", () => {
      const { batch, reader, ...made } = journal(how);
      const writer = made.writer();
      const note = (key: number, text: string) => {
        batch.add(17, 0, 0, key, 0, 0, text);
        writer.note(key + 1, batch);
      };
      const send = () => writer.sent(batch.take(false).byteLength, batch);
      const read = () => {
        const sink = { ...collector(), keys: [] as number[], began: (key: number) => void sink.keys.push(key) };
        reader.read(sink);
        return [sink.keys, sink.frames.map(([, , , key, , , text]) => [key, text])];
      };
      for (let key = 1; key < 6; key++) note(key, `sent ${key}`);
      send();
      note(10, "ten");
      note(11, "eleven");
      expect(read()).toEqual([
        [11, 12],
        [
          [10, "ten"],
          [11, "eleven"],
        ],
      ]);
      send();
      note(20, "a longer one than those before");
      expect(read()).toEqual([[21], [[20, "a longer one than those before"]]]);
      reader.close();
    });

    it("gives the whole pieces before the one that was cut short, and takes any bytes without complaint", () => {
      const { fd, batch, reader, ...made } = journal(how);
      const piece = fc.tuple(fc.nat(2 ** 28), fc.array(frame, { maxLength: 3 }));
      const bytes = fc.uint8Array({ maxLength: 200 });
      fc.assert(
        fc.property(
          fc.array(piece, { maxLength: 5 }),
          fc.array(piece, { maxLength: 5 }),
          fc.nat(400),
          bytes,
          (old, pieces, cut, stale) => {
            const writer = made.writer();
            batch.take(false);
            const note = (all: typeof pieces) =>
              all.map(([key, frames]) => {
                for (const [kind, ...rest] of frames) batch.add(kind % 24, ...rest);
                writer.note(key, batch);
                return batch.length;
              });
            note(old);
            writer.sent(batch.take(false).byteLength, batch);
            const ends = note(pieces);
            const last = ends.at(-1);
            if (last !== undefined) {
              // Other bytes from anywhere within the last piece on, and its end never what it should be.
              writeSync(fd, stale, 0, stale.length, Math.max(ends.at(-2) ?? 0, last - 4 - cut));
              writeSync(fd, Uint8Array.of(0xff, 0xff, 0xff, 0xff), 0, 4, last - 4);
            }
            const whole = pieces.slice(0, -1);
            const sink = { ...collector(), keys: [] as number[], began: (key: number) => void sink.keys.push(key) };
            reader.read(sink);
            if (whole.length === 0) return;
            expect(sink.keys).toEqual(whole.map(([key]) => key));
            expect(sink.frames.length).toBe(whole.flatMap(([, frames]) => frames).length);
          },
        ),
      );
      reader.close();
    });

    it("gives who reads on only what is new", () => {
      const { batch, reader, ...made } = journal(how);
      const writer = made.writer();
      const readOn = (received = 0) => {
        const keys: number[] = [];
        reader.readOn({ frame() {}, began: (key) => void keys.push(key) }, received);
        return keys;
      };
      expect(readOn()).toEqual([]);
      writer.note(1, batch);
      writer.note(2, batch);
      expect([readOn(), readOn()]).toEqual([[1, 2], []]);
      writer.note(3, batch);
      expect([readOn(), readOn()]).toEqual([[3], []]);
      const bytes = batch.take(false).byteLength;
      writer.sent(bytes, batch);
      expect(readOn(bytes)).toEqual([]);
      writer.note(4, batch);
      // What was sent before has come in part, and then as a whole.
      expect([readOn(), readOn(bytes - 4), readOn(bytes), readOn(bytes)]).toEqual([[], [], [4], []]);
      reader.close();
    });
  },
);

describe("a call", () => {
  it("that has started is not taken for withdrawn because one before it in its slot was asked for late", () => {
    const buffer = new SharedArrayBuffer(CALL_STATES_BYTES);
    const [worker, host] = [new CallStates(buffer), new CallStates(buffer)];
    const [before, after] = [nextKey(7), nextKey(nextKey(7))];
    expect([worker.start(before), worker.start(after)]).toEqual([true, true]);
    expect(host.withdraw(before)).toBe(false);
    expect(host.withdraw(after)).toBe(false);
  });

  it("is started or withdrawn, never both", () => {
    const buffer = new SharedArrayBuffer(CALL_STATES_BYTES);
    const [worker, host] = [new CallStates(buffer), new CallStates(buffer)];
    let key = nextKey(7);
    for (let use = 0; use < 70_000; use++) {
      if (use % 2 === 0) {
        expect(host.withdraw(key)).toBe(true);
        expect(worker.start(key)).toBe(false);
      } else {
        expect(worker.start(key)).toBe(true);
        expect(host.withdraw(key)).toBe(false);
      }
      expect(host.aborted(key)).toBe(false);
      key = nextKey(key);
      expect([slotOf(key), key > 0]).toEqual([7, true]);
    }
  });
});

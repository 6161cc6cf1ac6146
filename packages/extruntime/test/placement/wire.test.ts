import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CALL_STATES_BYTES, CallStates, nextKey, slotOf } from "../../src/placement/call-states.ts";
import { FrameRing } from "../../src/placement/frame-ring.ts";
import { FrameBatch, FrameStream } from "../../src/placement/frame-stream.ts";
import { JournalReader, JournalWriter, openJournal } from "../../src/placement/journal.ts";
import type { Body } from "../../src/placement/protocol.ts";

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
        try {
          stream.push(bytes);
        } catch (error) {
          expect((error as Error).message).toMatch(/^a frame/);
        }
      }),
    );
  });
});

describe("a journal", () => {
  it("gives the calls that began and the answers that were not sent, and nothing of a record that was cut short", () => {
    const fd = openJournal();
    const writer = new JournalWriter(fd);
    const reader = new JournalReader(fd);
    const note = (key: number, text: string) => {
      const batch = new FrameBatch();
      batch.add(17, 0, 0, key, 0, 0, text);
      writer.note(key + 1, batch.take(true));
    };
    const read = () => {
      const sink = { ...collector(), keys: [] as number[], began: (key: number) => void sink.keys.push(key) };
      reader.read(sink);
      return [sink.keys, sink.frames.map(([, , , key, , , text]) => [key, text])];
    };
    for (let key = 1; key < 6; key++) note(key, `sent ${key}`);
    writer.sent();
    note(10, "ten");
    note(11, "eleven");
    expect(read()).toEqual([
      [11, 12],
      [
        [10, "ten"],
        [11, "eleven"],
      ],
    ]);
    writer.sent();
    note(20, "a longer one than those before");
    expect(read()).toEqual([[21], [[20, "a longer one than those before"]]]);
    reader.close();
  });

  it("gives who reads on only what is new", () => {
    const fd = openJournal();
    const writer = new JournalWriter(fd);
    const reader = new JournalReader(fd);
    const readOn = () => {
      const keys: number[] = [];
      reader.readOn({ frame() {}, began: (key) => void keys.push(key) });
      return keys;
    };
    const nothing = new Uint8Array(0);
    expect(readOn()).toEqual([]);
    writer.note(1, nothing);
    writer.note(2, nothing);
    expect([readOn(), readOn()]).toEqual([[1, 2], []]);
    writer.note(3, nothing);
    expect([readOn(), readOn()]).toEqual([[3], []]);
    writer.sent();
    expect(readOn()).toEqual([]);
    writer.note(4, nothing);
    expect([readOn(), readOn()]).toEqual([[4], []]);
    reader.close();
  });
});

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

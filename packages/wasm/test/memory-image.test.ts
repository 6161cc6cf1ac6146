import { expect, test } from "vitest";
import { MemoryImage } from "../src/machine/memory/memory-image.ts";

const LENGTH = 40_000;

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 48_271) >>> 0) % 2_147_483_647;
    return state;
  };
}

/** Some stretches of some bytes. */
function scribble(memory: Buffer, next: () => number): void {
  for (let i = 0; i < 20; i++) {
    const at = next() % memory.length;
    memory.fill(next() % 3 === 0 ? 0 : next() % 256, at, Math.min(memory.length, at + (next() % 3000)));
  }
}

test("a memory is put back to what it was, whatever was in it, and one that has grown is zero behind that", () => {
  for (let seed = 1; seed < 30; seed++) {
    const next = random(seed);
    const memory = Buffer.alloc(LENGTH);
    scribble(memory, next);
    const before = Buffer.from(memory);
    const image = MemoryImage.of(memory, new Map());
    const other = Buffer.alloc(LENGTH + 5000, 7);
    for (const target of [memory, other]) {
      scribble(target, next);
      image.writeTo(target, new Map());
      expect(target.compare(before, 0, LENGTH, 0, LENGTH)).toBe(0);
      expect(target.subarray(LENGTH).every((byte) => byte === 0)).toBe(true);
    }
  }
});

test("an image that is told as the difference to another is the same, and smaller", () => {
  for (let seed = 1; seed < 30; seed++) {
    const next = random(seed);
    const memory = Buffer.alloc(LENGTH + 3000);
    scribble(memory.subarray(0, LENGTH), next);
    const base = MemoryImage.of(memory.subarray(0, LENGTH), new Map());
    memory.fill(seed, 100, 700);
    memory.fill(0, 20_000, 20_100);
    memory.fill(1, LENGTH, LENGTH + 1000);
    const before = Buffer.from(memory);
    const image = MemoryImage.of(memory, new Map(), base);
    expect(image.size).toBeLessThan(4000);
    scribble(memory, next);
    image.writeTo(memory, new Map());
    expect(memory.compare(before)).toBe(0);
  }
});

test("an image can be written to a file, and read", () => {
  const memory = Buffer.alloc(LENGTH);
  scribble(memory, random(5));
  const stack = { value: 1_048_576 };
  const written = MemoryImage.of(memory, new Map([["stack", stack]])).toBytes();
  const read = MemoryImage.from(written);
  const [other, otherStack] = [Buffer.alloc(LENGTH, 3), { value: 0 }];
  read.writeTo(other, new Map([["stack", otherStack]]));
  expect(other.compare(memory)).toBe(0);
  expect([read.length, otherStack.value]).toEqual([LENGTH, 1_048_576]);
  expect(read.toBytes().equals(written)).toBe(true);
  expect(() => MemoryImage.of(memory, new Map(), read).toBytes()).toThrow(TypeError);
});

test("globals are put back too", () => {
  const stack = { value: 10 };
  const image = MemoryImage.of(Buffer.alloc(10), new Map([["stack", stack]]));
  stack.value = 3;
  const other = { value: 5 };
  image.writeTo(Buffer.alloc(10), new Map([["stack", other]]));
  expect([stack.value, other.value]).toEqual([3, 10]);
});

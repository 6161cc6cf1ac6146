import { BinaryReader } from "./binary-reader.ts";

/**
 * Walks over the instructions of a function body. V8 validates the same bytes, so nothing is checked here; only the
 * length of each instruction must be right.
 */

/** An instruction whose length is not known, of a proposal newer than this file. */
export class UnknownInstruction extends Error {}

export const MEMORY_SIZE = 0x3f;
export const MEMORY_GROW = 0x40;
const EMPTY_BLOCK = 0x40;

/** Calls `found` with each `memory.size` and `memory.grow` up to the reader's end: its code, and the offsets of its first byte and of the byte after it. */
export function findMemorySizes(reader: BinaryReader, found: (code: number, start: number, end: number) => void): void {
  while (!reader.done) {
    const start = reader.offset;
    const code = nextInstruction(reader);
    if (code === MEMORY_GROW || code === MEMORY_SIZE) found(code, start, reader.offset);
  }
}

/** The bodies in a code section, each from its locals on. */
export function* functionBodies(code: BinaryReader): Generator<BinaryReader> {
  for (let left = code.u32(); left > 0; left--) {
    const size = code.u32();
    const start = code.offset;
    code.skip(size);
    yield new BinaryReader(code.bytes, start, code.offset);
  }
}

/** Reads past the locals that a body begins with, and gives their number. */
export function skipLocals(body: BinaryReader): number {
  let count = 0;
  for (let left = body.u32(); left > 0; left--) {
    count += body.u32();
    const type = body.byte();
    if (type === 0x63 || type === 0x64) body.s33();
  }
  return count;
}

/** Reads past one instruction, and gives its code: one byte, or `0xfc00` and the code of a bulk operation. @throws UnknownInstruction */
export function nextInstruction(reader: BinaryReader): number {
  const code = reader.byte();
  if (code >= 0x45 && code <= 0xc4) return code;
  const shape = SHAPES[code];
  if (shape !== undefined) shape(reader);
  else if (code === 0xfc) return 0xfc00 + skipBulk(reader);
  else if (code === 0xfd) skipVector(reader);
  else if (code === 0xfe) skipAtomic(reader);
  else throw new UnknownInstruction(`instruction ${code.toString(16)}`);
  return code;
}

type Skip = (reader: BinaryReader) => void;

const none: Skip = () => {};
const index: Skip = (reader) => {
  reader.u32();
};
const twoIndices: Skip = (reader) => {
  reader.u32();
  reader.u32();
};
const number: Skip = (reader) => reader.skipNumber();
const bytes =
  (count: number): Skip =>
  (reader) =>
    reader.skip(count);

/** One byte for the empty type and for value types; a type index is a signed number, as are references to types. */
const blockType: Skip = (reader) => {
  const first = reader.bytes[reader.offset];
  if (first === EMPTY_BLOCK) reader.byte();
  else valueType(reader);
};

const valueType: Skip = (reader) => {
  const isReference = reader.bytes[reader.offset] === 0x63 || reader.bytes[reader.offset] === 0x64;
  reader.s33();
  if (isReference) reader.s33();
};

const list =
  (item: Skip): Skip =>
  (reader) => {
    for (let left = reader.u32(); left > 0; left--) item(reader);
  };

/** Alignment and offset; a bit of the alignment says that a memory's index comes between them. */
const address: Skip = (reader) => {
  if (reader.u32() & 0x40) reader.u32();
  reader.skipNumber();
};

/** `catch` and `catch_ref` have a tag; the last two kinds catch all. */
const catchClause: Skip = (reader) => {
  if (reader.byte() < 2) reader.u32();
  reader.u32();
};

const SHAPES: (Skip | undefined)[] = [];
const define = (shape: Skip, ...codes: number[]) => {
  for (const code of codes) SHAPES[code] = shape;
};
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

// unreachable, nop, else, throw_ref, end, return, catch_all, drop, select
define(none, 0x00, 0x01, 0x05, 0x0a, 0x0b, 0x0f, 0x19, 0x1a, 0x1b);
// block, loop, if, try
define(blockType, 0x02, 0x03, 0x04, 0x06);
// catch, throw, rethrow, br, br_if, call, return_call, call_ref, return_call_ref, delegate
define(index, 0x07, 0x08, 0x09, 0x0c, 0x0d, 0x10, 0x12, 0x14, 0x15, 0x18);
define((reader) => {
  list(index)(reader);
  reader.u32();
}, 0x0e);
// call_indirect, return_call_indirect
define(twoIndices, 0x11, 0x13);
define(list(valueType), 0x1c);
define((reader) => {
  blockType(reader);
  list(catchClause)(reader);
}, 0x1f);
define(index, ...range(0x20, 0x26), MEMORY_SIZE, MEMORY_GROW);
define(address, ...range(0x28, 0x3e));
// Constants.
define(number, 0x41, 0x42);
define(bytes(4), 0x43);
define(bytes(8), 0x44);
// ref.null, ref.is_null, ref.func, ref.eq, ref.as_non_null, br_on_null, br_on_non_null
define(number, 0xd0);
define(none, 0xd1, 0xd3, 0xd4);
define(index, 0xd2, 0xd5, 0xd6);

/** Saturating conversions, and bulk operations on memories and tables. */
function skipBulk(reader: BinaryReader): number {
  const code = reader.u32();
  if (code <= 7) return code;
  if (code === 8 || code === 10 || code === 12 || code === 14) twoIndices(reader);
  else if (code <= 17) reader.u32();
  else throw new UnknownInstruction(`instruction fc ${code}`);
  return code;
}

/** Numbers of 128 bits. */
function skipVector(reader: BinaryReader): void {
  const code = reader.u32();
  if (code <= 11 || code === 92 || code === 93) address(reader);
  else if (code === 12 || code === 13) reader.skip(16);
  else if (code >= 21 && code <= 34) reader.skip(1);
  else if (code >= 84 && code <= 91) {
    address(reader);
    reader.skip(1);
  } else if (code > 0x113) throw new UnknownInstruction(`instruction fd ${code}`);
}

function skipAtomic(reader: BinaryReader): void {
  if (reader.u32() === 3) reader.skip(1);
  else address(reader);
}

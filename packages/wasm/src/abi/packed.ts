/**
 * A place in the guest's memory as one i64: the pointer in the high 32 bits, the length in the low 32, both unsigned. Split and made
 * without arithmetic on BigInts, which would allocate.
 */

const PACKED = new BigInt64Array(1);
const HALVES = new Uint32Array(PACKED.buffer);
const LOW = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

export function pack(pointer: number, length: number): bigint {
  HALVES[HIGH] = pointer;
  HALVES[LOW] = length;
  return PACKED[0]!;
}

export function pointerOf(packed: bigint): number {
  PACKED[0] = packed;
  return HALVES[HIGH]!;
}

export function lengthOf(packed: bigint): number {
  PACKED[0] = packed;
  return HALVES[LOW]!;
}

import { leb128, signedLeb128 } from "../module/binary-reader.ts";

/**
 * The instructions that count. A countdown, one more global of the module, goes down with the work that is done, and below zero the host
 * is called, which answers with a new countdown or throws. The host's function lies in a table of one entry that is the module's
 * own and that its code cannot name, so that no index of the module changes.
 */

/** Indices of what was added to the module, and of the local that a function has for this. */
export interface TickPlaces {
  /** The countdown, of type `(mut i32)`. */
  readonly countdown: number;
  readonly table: number;
  /** `() -> i32`, of the host's function. */
  readonly type: number;
}

const I32 = 0x7f;
const [LOOP, IF, ELSE, END, EMPTY, BR_IF] = [0x03, 0x04, 0x05, 0x0b, 0x40, 0x0d];
const [LOCAL_GET, LOCAL_SET, LOCAL_TEE, GLOBAL_GET, GLOBAL_SET] = [0x20, 0x21, 0x22, 0x23, 0x24];
const [I32_CONST, I64_CONST, CALL_INDIRECT] = [0x41, 0x42, 0x11];
const [I32_LT_S, I32_GT_U, I32_LE_U, I64_GT_U] = [0x48, 0x4b, 0x4d, 0x56];
const [I32_ADD, I32_SUB, I32_SHR_U, I64_ADD, I64_SHL, I64_EXTEND_I32_U] = [0x6a, 0x6b, 0x76, 0x7c, 0x86, 0xad];
const MEMORY_SIZE = [0x3f, 0] as const;
const MEMORY_COPY = [0xfc, 0x0a, 0, 0] as const;
const MEMORY_FILL = [0xfc, 0x0b, 0] as const;

/** Bytes that a fill or a copy moves between two looks at the countdown. */
const CHUNK_BYTES = 1 << 20;
/** Right shift from bytes moved to ticks. */
export const TICKS_OF_BYTES = 8;

/** Counts `weight` ticks. `local` is of type `i32`, and its value is lost. */
export function tick(places: TickPlaces, local: number, weight: number): number[] {
  const [global, own] = [leb128(places.countdown), leb128(local)];
  return [
    ...[GLOBAL_GET, ...global, I32_CONST, ...signedLeb128(weight), I32_SUB, LOCAL_TEE, ...own, GLOBAL_SET, ...global],
    ...callBelowZero(places, local),
  ];
}

/** Counts by the number on the stack, an `i32` that is unsigned, shifted right by `shift`, at least 1, and leaves it there. */
export function tickByOperand(places: TickPlaces, local: number, shift: number): number[] {
  const [global, own] = [leb128(places.countdown), leb128(local)];
  return [
    ...[LOCAL_TEE, ...own, GLOBAL_GET, ...global, LOCAL_GET, ...own, I32_CONST, shift, I32_SHR_U, I32_SUB],
    ...[LOCAL_TEE, ...own, GLOBAL_SET, ...global],
    ...callBelowZero(places, local),
  ];
}

function callBelowZero({ countdown, table, type }: TickPlaces, local: number): number[] {
  const call = [I32_CONST, 0, CALL_INDIRECT, ...leb128(type), ...leb128(table), GLOBAL_SET, ...leb128(countdown)];
  return [LOCAL_GET, ...leb128(local), I32_CONST, 0, I32_LT_S, IF, EMPTY, ...call, END];
}

const [TO, FROM, COUNT, SCRATCH] = [0, 1, 2, 3];
const get = (local: number) => [LOCAL_GET, local];
const toI64 = (local: number) => [LOCAL_GET, local, I64_EXTEND_I32_U];
const chunk = [I32_CONST, ...signedLeb128(CHUNK_BYTES)];
const step = (local: number, operation: number) => [LOCAL_GET, local, ...chunk, operation, LOCAL_SET, local];
const isLong = [...get(COUNT), ...chunk, I32_GT_U];
/** The part of a body between its locals and what does the rest, of not more than a chunk: one local besides the three parameters. */
const withScratch = [1, 1, I32];

/** `memory.fill` as a function `(to, value, count)`, in chunks. What leads outside traps before anything is written, as the instruction does. */
export function chunkedFill(places: TickPlaces): number[] {
  const fill = [...get(TO), ...get(FROM), ...get(COUNT), ...MEMORY_FILL];
  return [
    ...withScratch,
    ...[...isLong, IF, EMPTY],
    ...[...isOutside(toI64(TO)), IF, EMPTY, ...fill, END],
    ...[LOOP, EMPTY, ...countChunk(places), ...get(TO), ...get(FROM), ...chunk, ...MEMORY_FILL],
    ...[...step(TO, I32_ADD), ...step(COUNT, I32_SUB), ...isLong, BR_IF, 0, END],
    END,
    ...countRest(places),
    ...[...fill, END],
  ];
}

/** `memory.copy` as a function `(to, from, count)`, in chunks; from the end where the places overlap so. */
export function chunkedCopy(places: TickPlaces): number[] {
  const copy = [...get(TO), ...get(FROM), ...get(COUNT), ...MEMORY_COPY];
  const forwards = [
    ...[LOOP, EMPTY, ...countChunk(places), ...get(TO), ...get(FROM), ...chunk, ...MEMORY_COPY],
    ...[...step(TO, I32_ADD), ...step(FROM, I32_ADD), ...step(COUNT, I32_SUB), ...isLong, BR_IF, 0, END],
  ];
  const last = (local: number) => [...get(local), ...get(COUNT), I32_ADD];
  const backwards = [
    ...[LOOP, EMPTY, ...countChunk(places), ...step(COUNT, I32_SUB), ...last(TO), ...last(FROM), ...chunk],
    ...[...MEMORY_COPY, ...isLong, BR_IF, 0, END],
  ];
  return [
    ...withScratch,
    ...[...isLong, IF, EMPTY],
    ...[...isOutside(toI64(TO)), IF, EMPTY, ...copy, END],
    ...[...isOutside(toI64(FROM)), IF, EMPTY, ...copy, END],
    ...[...get(TO), ...get(FROM), I32_LE_U, IF, EMPTY, ...forwards, ELSE, ...backwards, END],
    END,
    ...countRest(places),
    ...[...copy, END],
  ];
}

function isOutside(place: readonly number[]): number[] {
  return [
    ...[...place, ...toI64(COUNT), I64_ADD],
    ...[...MEMORY_SIZE, I64_EXTEND_I32_U, I64_CONST, 16, I64_SHL, I64_GT_U],
  ];
}

const countChunk = (places: TickPlaces) => tick(places, SCRATCH, CHUNK_BYTES >> TICKS_OF_BYTES);

function countRest(places: TickPlaces): number[] {
  const global = leb128(places.countdown);
  return [
    ...[GLOBAL_GET, ...global, ...get(COUNT), I32_CONST, TICKS_OF_BYTES, I32_SHR_U, I32_SUB],
    ...[LOCAL_TEE, SCRATCH, GLOBAL_SET, ...global],
    ...callBelowZero(places, SCRATCH),
  ];
}

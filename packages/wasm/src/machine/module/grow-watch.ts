import { BinaryReader, leb128, MalformedModule, signedLeb128 } from "./binary-reader.ts";
import { findMemorySizes, MEMORY_GROW, MEMORY_SIZE, skipLocals, UnknownInstruction } from "./instructions.ts";
import { appended, exportEntry, type NewSections, SECTION, sized } from "./module-rewrite.ts";
import type { ModuleShape } from "./module-shape.ts";

/**
 * Gives a module that grows its memory a size of its own, kept in a global: a memory never shrinks, but what was put back to an earlier state must find the size
 * that it had then. So every `memory.size` reads that global, and every `memory.grow` becomes a call of one more function, which takes what the memory has
 * already, and grows it by the rest.
 *
 * That function also counts failures, in one more global, exported under a name of ours: the instruction answers -1 and leaves no trace that a host can see, and
 * what the guest's language makes of it (a trap, a message, an exit) may as well come from a guest that has all the memory it wants. No index changes.
 */

/** The global, of type `(mut i32)`: how often the memory did not grow. */
export const FAILED_GROWTHS = "extruntime: failed growths";
/** The start function: it is called by the host, since of an instance whose start function threw there is nothing to ask. */
export const START_FUNCTION = "extruntime: start";

const I32 = 0x7f;
/** A 32-bit memory cannot have more. */
const MOST_PAGES = 65_536;

/** The sections that change; `undefined` where nothing in the module grows its memory, or its code has instructions that are not known here. */
export function watchGrowth(bytes: Uint8Array, shape: ModuleShape): NewSections | undefined {
  const content = (id: number): BinaryReader | undefined => {
    const section = shape.sections.find((candidate) => candidate.id === id);
    return section && new BinaryReader(bytes, section.content, section.end);
  };
  const [code, types, functions, exports, memory] = [
    ...[SECTION.code, SECTION.type, SECTION.function, SECTION.export, SECTION.memory],
  ].map(content);
  if (!code || !types || !functions || !exports || !memory) return undefined;
  if (shape.exports.has(FAILED_GROWTHS) || shape.exports.has(START_FUNCTION)) return undefined;
  const bodies = readBodies(code);
  if (bodies === undefined || bodies.every(({ places }) => !places.some(({ code }) => code === MEMORY_GROW)))
    return undefined;

  const imported = shape.imports.filter(({ kind }) => kind === "function").length;
  const failures = shape.imports.filter(({ kind }) => kind === "global").length + shape.globals;
  const size = failures + 1;
  const instead = {
    [MEMORY_GROW]: Uint8Array.from([0x10, ...leb128(imported + bodies.length)]),
    [MEMORY_SIZE]: Uint8Array.from([0x23, ...leb128(size)]),
  };
  const start = content(SECTION.start)?.u32();
  const added = [exportEntry(FAILED_GROWTHS, "global", failures)];
  if (start !== undefined) added.push(exportEntry(START_FUNCTION, "function", start));
  return new Map<number, Uint8Array[]>([
    [SECTION.type, appended(types, [Uint8Array.from([0x60, 1, I32, 1, I32])])],
    [SECTION.function, appended(functions, [Uint8Array.from(leb128(shape.types))])],
    [SECTION.global, appended(content(SECTION.global), [mutable(0), mutable(initialPages(memory))])],
    [SECTION.export, appended(exports, added)],
    [SECTION.start, []],
    [SECTION.code, newCode(bytes, bodies, instead, growFunction(failures, size))],
  ]);
}

/** `(global (mut i32) (i32.const …))`; no more than {@link MOST_PAGES}. */
function mutable(value: number): Uint8Array {
  return Uint8Array.from([I32, 1, 0x41, ...signedLeb128(value), 0x0b]);
}

function initialPages(memory: BinaryReader): number {
  if (memory.u32() === 0) return 0;
  memory.byte();
  return Math.min(MOST_PAGES, memory.u32());
}

interface Body {
  readonly start: number;
  readonly end: number;
  /** Each `memory.size` and `memory.grow`, with its offset and that of the byte after it. */
  readonly places: { readonly code: number; readonly start: number; readonly end: number }[];
}

function readBodies(code: BinaryReader): Body[] | undefined {
  const bodies: Body[] = [];
  try {
    for (let left = code.u32(); left > 0; left--) {
      const size = code.u32();
      const start = code.offset;
      code.skip(size);
      const places: Body["places"] = [];
      if (mayTellSize(code.bytes, start, code.offset)) {
        const body = new BinaryReader(code.bytes, start, code.offset);
        skipLocals(body);
        findMemorySizes(body, (code, start, end) => places.push({ code, start, end }));
      }
      bodies.push({ start, end: code.offset, places });
    }
  } catch (error) {
    // V8 tells better what is wrong with a body.
    if (error instanceof UnknownInstruction || error instanceof MalformedModule) return undefined;
    throw error;
  }
  return bodies;
}

/** Whether the bytes of either instruction come there at all. Most bodies need no closer look, which takes longer than V8 takes to compile them. */
function mayTellSize(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (bytes[at] !== MEMORY_GROW && bytes[at] !== MEMORY_SIZE) continue;
    // The one memory's index: zero, in one byte or in more.
    const next = bytes[at + 1]!;
    if (next === 0 || next >= 0x80) return true;
  }
  return false;
}

/** Bodies that have neither are taken as they are, in stretches. */
function newCode(
  bytes: Uint8Array,
  bodies: readonly Body[],
  instead: Readonly<Record<number, Uint8Array>>,
  last: Uint8Array,
): Uint8Array[] {
  const parts: Uint8Array[] = [Uint8Array.from(leb128(bodies.length + 1))];
  for (const body of bodies) {
    const pieces: Uint8Array[] = [];
    let from = body.start;
    for (const { code, start, end } of body.places) {
      pieces.push(bytes.subarray(from, start), instead[code]!);
      from = end;
    }
    pieces.push(bytes.subarray(from, body.end));
    parts.push(...sized(pieces));
  }
  parts.push(...sized([last]));
  return parts;
}

const [PAGES, OLD, NEW] = [0, 1, 2];
const get = (local: number) => [0x20, local];
const REAL_SIZE = [0x3f, 0];
const REAL_GROW = [0x40, 0];
const [SUB, ADD, GT_U, EQ, RETURN, END] = [0x6b, 0x6a, 0x4b, 0x46, 0x0f, 0x0b];
const MINUS_ONE = [0x41, 0x7f];

/** `(func (param $pages i32) (result i32) (local $old i32) (local $new i32) …)` */
function growFunction(failures: number, size: number): Uint8Array {
  const [failed, own] = [leb128(failures), leb128(size)];
  const fail = [0x04, 0x40, 0x23, ...failed, 0x41, 1, ADD, 0x24, ...failed, ...MINUS_ONE, RETURN, END];
  return Uint8Array.from([
    ...[1, 2, I32],
    ...[0x23, ...own, 0x21, OLD],
    // More than there can be at all.
    ...[...get(PAGES), 0x41, ...signedLeb128(MOST_PAGES), ...get(OLD), SUB, GT_U, ...fail],
    ...[...get(OLD), ...get(PAGES), ADD, 0x22, NEW, ...REAL_SIZE, GT_U, 0x04, 0x40],
    ...[...get(NEW), ...REAL_SIZE, SUB, ...REAL_GROW, ...MINUS_ONE, EQ, ...fail],
    END,
    ...[...get(NEW), 0x24, ...own, ...get(OLD), END],
  ]);
}

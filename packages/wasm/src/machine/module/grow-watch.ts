import { BinaryReader, leb128, MalformedModule } from "./binary-reader.ts";
import { findMemoryGrow, MEMORY_GROW, skipLocals, UnknownInstruction } from "./instructions.ts";
import { appended, exportEntry, type NewSections, SECTION, sized } from "./module-rewrite.ts";
import type { ModuleShape } from "./module-shape.ts";

/**
 * Makes a module note each `memory.grow` that fails. The instruction answers -1 and leaves no trace that a host can see,
 * and what the guest's language makes of it (a trap, a message, an exit) may as well come from a guest that has all the
 * memory it wants. So every `memory.grow` becomes a call of one more function, which does it and counts failures in one
 * more global, exported under a name of ours. No index changes, and nothing else of the code does.
 */

/** The global, of type `(mut i32)`: how often the memory did not grow. */
export const FAILED_GROWTHS = "extruntime: failed growths";
/** The start function: it is called by the host, since of an instance whose start function threw there is nothing to ask. */
export const START_FUNCTION = "extruntime: start";

const I32 = 0x7f;

/** The sections that change; `undefined` where nothing in the module grows its memory, or its code has instructions that are not known here. */
export function watchGrowth(bytes: Uint8Array, shape: ModuleShape): NewSections | undefined {
  const content = (id: number): BinaryReader | undefined => {
    const section = shape.sections.find((candidate) => candidate.id === id);
    return section && new BinaryReader(bytes, section.content, section.end);
  };
  const [code, types, functions, exports] = [SECTION.code, SECTION.type, SECTION.function, SECTION.export].map(content);
  if (!code || !types || !functions || !exports || content(SECTION.memory) === undefined) return undefined;
  if (shape.exports.has(FAILED_GROWTHS) || shape.exports.has(START_FUNCTION)) return undefined;
  const bodies = readBodies(code);
  if (bodies === undefined || bodies.every(({ growths }) => growths.length === 0)) return undefined;

  const imported = shape.imports.filter(({ kind }) => kind === "function").length;
  const global = shape.imports.filter(({ kind }) => kind === "global").length + shape.globals;
  const call = Uint8Array.from([0x10, ...leb128(imported + bodies.length)]);
  const start = content(SECTION.start)?.u32();
  const added = [exportEntry(FAILED_GROWTHS, "global", global)];
  if (start !== undefined) added.push(exportEntry(START_FUNCTION, "function", start));
  return new Map<number, Uint8Array[]>([
    [SECTION.type, appended(types, [Uint8Array.from([0x60, 1, I32, 1, I32])])],
    [SECTION.function, appended(functions, [Uint8Array.from(leb128(shape.types))])],
    // (mut i32), i32.const 0, end
    [SECTION.global, appended(content(SECTION.global), [Uint8Array.from([I32, 1, 0x41, 0, 0x0b])])],
    [SECTION.export, appended(exports, added)],
    [SECTION.start, []],
    [SECTION.code, newCode(bytes, bodies, call, growFunction(global))],
  ]);
}

interface Body {
  readonly start: number;
  readonly end: number;
  /** Offsets of each `memory.grow`, and of the byte after it. */
  readonly growths: (readonly [number, number])[];
}

function readBodies(code: BinaryReader): Body[] | undefined {
  const bodies: Body[] = [];
  try {
    for (let left = code.u32(); left > 0; left--) {
      const size = code.u32();
      const start = code.offset;
      code.skip(size);
      const growths: (readonly [number, number])[] = [];
      if (mayGrow(code.bytes, start, code.offset)) {
        const body = new BinaryReader(code.bytes, start, code.offset);
        skipLocals(body);
        findMemoryGrow(body, (from, to) => growths.push([from, to]));
      }
      bodies.push({ start, end: code.offset, growths });
    }
  } catch (error) {
    // V8 tells better what is wrong with a body.
    if (error instanceof UnknownInstruction || error instanceof MalformedModule) return undefined;
    throw error;
  }
  return bodies;
}

/** Whether the bytes of the instruction come there at all. Most bodies need no closer look, which takes longer than V8 takes to compile them. */
function mayGrow(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (bytes[at] !== MEMORY_GROW) continue;
    // The one memory's index: zero, in one byte or in more.
    const next = bytes[at + 1]!;
    if (next === 0 || next >= 0x80) return true;
  }
  return false;
}

/** Bodies that grow nothing are taken as they are, in stretches. */
function newCode(bytes: Uint8Array, bodies: readonly Body[], call: Uint8Array, last: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [Uint8Array.from(leb128(bodies.length + 1))];
  for (const { start, end, growths } of bodies) {
    const pieces: Uint8Array[] = [];
    let from = start;
    for (const [growth, after] of growths) {
      pieces.push(bytes.subarray(from, growth), call);
      from = after;
    }
    pieces.push(bytes.subarray(from, end));
    parts.push(...sized(pieces));
  }
  parts.push(...sized([last]));
  return parts;
}

/** `(func (param i32) (result i32) (memory.grow (local.get 0)) …)`: counts an answer of -1, and passes it on. */
function growFunction(global: number): Uint8Array {
  const index = leb128(global);
  const count = [0x23, ...index, 0x41, 1, 0x6a, 0x24, ...index];
  // local.get 0, memory.grow 0, local.tee 0, i32.const -1, i32.eq, if … end, local.get 0, end
  return Uint8Array.from([0, 0x20, 0, 0x40, 0, 0x22, 0, 0x41, 0x7f, 0x46, 0x04, 0x40, ...count, 0x0b, 0x20, 0, 0x0b]);
}

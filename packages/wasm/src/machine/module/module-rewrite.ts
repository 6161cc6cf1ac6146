import { type BinaryReader, leb128 } from "./binary-reader.ts";
import type { Section } from "./module-shape.ts";

/** Ids of the sections that a module is rewritten in. */
export const SECTION = { type: 1, function: 3, table: 4, memory: 5, global: 6, export: 7, start: 8, code: 10 } as const;

/** Ids in the order in which sections stand; custom sections, of id 0, stand anywhere. */
const ORDER: readonly number[] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

/** New contents of sections by their ids, in pieces; a section of no pieces is left out. */
export type NewSections = ReadonlyMap<number, readonly Uint8Array[]>;

/** The module with some sections in place of its own, and with those that it does not have. */
export function rewriteModule(bytes: Uint8Array, sections: readonly Section[], changed: NewSections): Uint8Array {
  const parts: Uint8Array[] = [bytes.subarray(0, 8)];
  const left = new Map(changed);
  const add = (id: number) => {
    const pieces = left.get(id) ?? [];
    left.delete(id);
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (pieces.length > 0) parts.push(Uint8Array.from([id, ...leb128(length)]), ...pieces);
  };
  const addBefore = (place: number) => {
    for (const id of [...left.keys()].sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b)))
      if (ORDER.indexOf(id) < place) add(id);
  };
  for (const { id, start, end } of sections) {
    if (id !== 0) addBefore(ORDER.indexOf(id));
    if (left.has(id)) add(id);
    else parts.push(bytes.subarray(start, end));
  }
  addBefore(ORDER.length);
  return Buffer.concat(parts);
}

const KINDS = { function: 0x00, table: 0x01, global: 0x03 } as const;

/** One entry of the export section. */
export function exportEntry(name: string, kind: keyof typeof KINDS, index: number): Uint8Array {
  const text = Buffer.from(name);
  return Uint8Array.from([...leb128(text.length), ...text, KINDS[kind], ...leb128(index)]);
}

/** A vector with more items at its end; the reader is at its start. */
export function appended(vector: BinaryReader | undefined, items: readonly Uint8Array[]): Uint8Array[] {
  if (vector === undefined) return [Uint8Array.from(leb128(items.length)), ...items];
  const count = vector.u32();
  return [Uint8Array.from(leb128(count + items.length)), vector.bytes.subarray(vector.offset, vector.end), ...items];
}

/** With its length before it, as a function body stands. */
export function sized(pieces: readonly Uint8Array[]): Uint8Array[] {
  return [Uint8Array.from(leb128(pieces.reduce((sum, piece) => sum + piece.length, 0))), ...pieces];
}

import { leb128 } from "./binary-reader.ts";
import type { Section } from "./module-shape.ts";

/** Ids of the sections that a module is rewritten in, and of those around them. */
export const SECTION = { type: 1, function: 3, table: 4, memory: 5, global: 6, export: 7, start: 8, code: 10 } as const;

/** New contents of sections by their ids, in pieces; a section of no pieces is left out. */
export type NewSections = ReadonlyMap<number, readonly Uint8Array[]>;

/** The module with some sections in place of its own. Of sections that it does not have, it can be given globals. */
export function rewriteModule(bytes: Uint8Array, sections: readonly Section[], changed: NewSections): Uint8Array {
  const parts: Uint8Array[] = [bytes.subarray(0, 8)];
  const add = (id: number) => {
    const pieces = changed.get(id) ?? [];
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (pieces.length > 0) parts.push(Uint8Array.from([id, ...leb128(length)]), ...pieces);
  };
  const hasGlobals = sections.some(({ id }) => id === SECTION.global);
  for (const { id, start, end } of sections) {
    // They come right before the exports.
    if (id === SECTION.export && !hasGlobals) add(SECTION.global);
    if (changed.has(id)) add(id);
    else parts.push(bytes.subarray(start, end));
  }
  return Buffer.concat(parts);
}

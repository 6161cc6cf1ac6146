import { BinaryReader, leb128, MalformedModule } from "./binary-reader.ts";
import { type NewSections, rewriteModule, SECTION } from "./module-rewrite.ts";
import type { ModuleShape, Section } from "./module-shape.ts";

/**
 * Caps the memory of a module by writing a maximum into its memory and table sections. WebAssembly has no knob for
 * it at run time: a memory that a module defines without a maximum can grow to 4 GiB.
 */

export const PAGE_BYTES = 65_536;
/** A 32-bit memory cannot be larger: 4 GiB. */
export const MAX_PAGES = 65_536;
/**
 * Entries of all tables of a module together, growth included. V8 takes some 32 bytes for one, so this is about 8 MiB.
 * Without a bound one table may hold ten million entries, and a module a hundred thousand tables.
 */
export const MAX_TABLE_ENTRIES = 2 ** 18;

/** Why a module cannot be held to a limit. `needs` is set where a higher limit would do, in bytes. */
export class MemoryRefusal extends Error {
  readonly needs: number | undefined;

  constructor(message: string, needs?: number) {
    super(message);
    this.needs = needs;
  }
}

export interface LimitedModule {
  readonly bytes: Uint8Array;
  /** Pages that the memory begins with, and to which it can grow. Zero without a memory. */
  readonly initialPages: number;
  readonly maxPages: number;
}

interface Bounds {
  readonly initial: number;
  readonly maximum: number | undefined;
}

/**
 * The module with no more than `pages` of memory and {@link MAX_TABLE_ENTRIES} of tables; a smaller maximum of its own stays.
 *
 * @param others further sections that change.
 * @throws MemoryRefusal, MalformedModule
 */
export function limitMemory(
  bytes: Uint8Array,
  shape: ModuleShape,
  pages: number,
  others: NewSections = new Map(),
): LimitedModule {
  const memory = shape.sections.find(({ id }) => id === SECTION.memory);
  const tables = shape.sections.find(({ id }) => id === SECTION.table);
  const changed = new Map(others);
  let bounds = { initial: 0, maximum: 0 };
  if (memory !== undefined) {
    bounds = limitMemorySection(reader(bytes, memory), pages);
    changed.set(memory.id, [Uint8Array.from([1, 1, ...leb128(bounds.initial), ...leb128(bounds.maximum)])]);
  }
  if (tables !== undefined) changed.set(tables.id, [Uint8Array.from(limitTableSection(reader(bytes, tables)))]);
  const limited = rewriteModule(bytes, shape.sections, changed);
  return { bytes: limited, initialPages: bounds.initial, maxPages: bounds.maximum };
}

function reader(bytes: Uint8Array, section: Section): BinaryReader {
  return new BinaryReader(bytes, section.content, section.end);
}

function limitMemorySection(section: BinaryReader, pages: number): { initial: number; maximum: number } {
  const count = section.u32();
  if (count === 0) throw new MemoryRefusal("has an empty memory section");
  if (count > 1) throw new MemoryRefusal(`has ${count} memories; one is supported`);
  const declared = readBounds(section, "memory");
  finish(section);
  if (declared.initial > pages)
    throw new MemoryRefusal(
      `begins with ${mebibytes(declared.initial)} MiB of memory, and its limit is ${mebibytes(pages)} MiB`,
      declared.initial * PAGE_BYTES,
    );
  return { initial: declared.initial, maximum: Math.min(declared.maximum ?? MAX_PAGES, pages) };
}

/** Each table may grow by an equal share of what the initial sizes leave. */
function limitTableSection(section: BinaryReader): number[] {
  const tables: { head: Uint8Array; bounds: Bounds; tail: Uint8Array }[] = [];
  let entries = 0;
  for (let count = section.u32(); count > 0; count--) {
    const start = section.offset;
    const hasInitialiser = section.bytes[start] === 0x40;
    if (hasInitialiser) section.skip(2);
    skipTableType(section);
    const head = section.bytes.subarray(start, section.offset);
    const bounds = readBounds(section, "table");
    const tailStart = section.offset;
    if (hasInitialiser) skipConstant(section);
    entries += bounds.initial;
    if (entries > MAX_TABLE_ENTRIES)
      throw new MemoryRefusal(`has tables of more than ${MAX_TABLE_ENTRIES} entries together`);
    tables.push({ head, bounds, tail: section.bytes.subarray(tailStart, section.offset) });
  }
  finish(section);
  const share = tables.length === 0 ? 0 : Math.floor((MAX_TABLE_ENTRIES - entries) / tables.length);
  const out = leb128(tables.length);
  for (const { head, bounds, tail } of tables) {
    const maximum = Math.min(bounds.maximum ?? Number.POSITIVE_INFINITY, bounds.initial + share);
    out.push(...head, 1, ...leb128(bounds.initial), ...leb128(maximum), ...tail);
  }
  return out;
}

/** Limits of a memory or table: 32-bit, not shared, of plain pages. */
function readBounds(section: BinaryReader, what: string): Bounds {
  const flags = section.byte();
  if (flags & 2) throw new MemoryRefusal(`has a shared ${what}; build it without threads`);
  if (flags & 4) throw new MemoryRefusal(`has a 64-bit ${what}; build it for wasm32`);
  if (flags & 8)
    throw new MemoryRefusal(`has a ${what} with pages of its own size; build it without custom page sizes`);
  if (flags > 1) throw new MalformedModule(`the limits of a ${what} have the unknown flags ${flags}`);
  const initial = section.u32();
  return { initial, maximum: flags === 1 ? section.u32() : undefined };
}

/** References to functions and to values of the host are allowed; references to exceptions would be a memory of their own. */
function skipTableType(section: BinaryReader): void {
  const code = section.byte();
  if (code === 0x70 || code === 0x6f) return;
  // A type index (structs and arrays are refused elsewhere), or -16 for any function, -17 for any host reference.
  const heapType = code === 0x63 || code === 0x64 ? section.s33() : -1;
  if (heapType < 0 && heapType !== -16 && heapType !== -17)
    throw new MemoryRefusal("has a table of values other than functions and host references");
}

/** A constant expression of a table: `ref.func`, `ref.null` or `global.get`, and `end`. */
function skipConstant(section: BinaryReader): void {
  for (let code = section.byte(); code !== 0x0b; code = section.byte()) {
    if (code !== 0xd2 && code !== 0xd0 && code !== 0x23)
      throw new MemoryRefusal("has a table with a computed initial value");
    section.skipNumber();
  }
}

/** What is left over would be content that V8 reads and this file does not. */
function finish(section: BinaryReader): void {
  if (!section.done) throw new MalformedModule(`a section is longer than its content, at byte ${section.offset}`);
}

function mebibytes(pages: number): string {
  return String(Math.round((pages * PAGE_BYTES * 100) / 2 ** 20) / 100);
}

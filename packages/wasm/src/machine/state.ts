import type { Globals } from "./memory/memory-image.ts";
import { BinaryReader } from "./module/binary-reader.ts";
import { START_FUNCTION } from "./module/grow-watch.ts";
import { functionBodies, nextInstruction, skipLocals } from "./module/instructions.ts";
import { appended, exportEntry, rewriteModule, SECTION } from "./module/module-rewrite.ts";
import type { ModuleShape } from "./module/module-shape.ts";
import { OP } from "./ticks/opcodes.ts";
import type { WasmGlobal, WasmMemory } from "./webassembly.ts";

/**
 * The state of an instance, as far as a host can read it and write it: the memory and the globals that its code sets. Tables and segments
 * are as they were at the start, unless code changes them (see {@link changesMore}).
 */

/** Before the index of a global that was exported for this. */
const GLOBAL = "extruntime: global ";
const NUMBERS: ReadonlySet<number> = new Set([0x7f, 0x7e, 0x7d, 0x7c]);
const MUTABLE = 1;
const STEP_BYTES = 4096;

/**
 * The module with the globals that its code can set among its exports, and its start function, which is no longer called by itself: an instance that is put
 * into the state of another must not start first.
 */
export function exportState(bytes: Uint8Array, shape: ModuleShape): Uint8Array {
  const added = globalsOf(bytes, shape)
    .filter(({ mutable, type }) => mutable && NUMBERS.has(type))
    .map(({ index }) => exportEntry(GLOBAL + index, "global", index));
  const content = (id: number) => {
    const section = shape.sections.find((each) => each.id === id);
    return section && new BinaryReader(bytes, section.content, section.end);
  };
  const [exports, start] = [content(SECTION.export), content(SECTION.start)];
  const exportsStart = start !== undefined && !shape.exports.has(START_FUNCTION);
  if (exportsStart) added.push(exportEntry(START_FUNCTION, "function", start.u32()));
  if (added.length === 0 || exports === undefined) return bytes;
  const changed = new Map<number, Uint8Array[]>([[SECTION.export, appended(exports, added)]]);
  if (exportsStart) changed.set(SECTION.start, []);
  return rewriteModule(bytes, shape.sections, changed);
}

/** Those of an instance, by their names. */
export function globalsIn(exports: Readonly<Record<string, unknown>>): Globals {
  const globals = new Map<string, WasmGlobal<number | bigint>>();
  for (const [name, global] of Object.entries(exports))
    if (name.startsWith(GLOBAL)) globals.set(name, global as WasmGlobal<number | bigint>);
  return globals;
}

interface Global {
  readonly index: number;
  readonly type: number;
  readonly mutable: boolean;
}

function globalsOf(bytes: Uint8Array, shape: ModuleShape): Global[] {
  const section = shape.sections.find(({ id }) => id === SECTION.global);
  if (section === undefined) return [];
  const first = shape.imports.filter(({ kind }) => kind === "global").length;
  const reader = new BinaryReader(bytes, section.content, section.end);
  return Array.from({ length: reader.u32() }, (_, i) => {
    const type = reader.byte();
    if (type === 0x63 || type === 0x64) reader.s33();
    const mutable = reader.byte() === MUTABLE;
    while (nextInstruction(reader) !== OP.end);
    return { index: first + i, type, mutable };
  });
}

/** Whether an instance has state that {@link moveState} does not move: a table that its code changes, a segment that it drops, a global that is no number. */
export function changesMore(bytes: Uint8Array, shape: ModuleShape): boolean {
  if (globalsOf(bytes, shape).some(({ mutable, type }) => mutable && !NUMBERS.has(type))) return true;
  const section = shape.sections.find(({ id }) => id === SECTION.code);
  if (section === undefined) return false;
  for (const body of functionBodies(new BinaryReader(bytes, section.content, section.end))) {
    skipLocals(body);
    while (!body.done) if (OP.changesState.has(nextInstruction(body))) return true;
  }
  return false;
}

/** Gives one instance the state of another of the same module, in whatever build. */
export function moveState(
  from: Readonly<Record<string, unknown>>,
  to: Readonly<Record<string, unknown>>,
  memory: string,
): void {
  const globals = globalsIn(to);
  for (const [name, { value }] of globalsIn(from)) globals.get(name)!.value = value;
  moveMemory(from[memory] as WasmMemory, to[memory] as WasmMemory);
}

function moveMemory(from: WasmMemory, to: WasmMemory): void {
  const missing = (from.buffer.byteLength - to.buffer.byteLength) / 65_536;
  if (missing > 0) to.grow(missing);
  const [source, target] = [Buffer.from(from.buffer), Buffer.from(to.buffer)];
  // What is alike is not written, so that pages of zeros take no memory.
  for (let at = 0; at < source.length; at += STEP_BYTES) {
    const part = source.subarray(at, at + STEP_BYTES);
    if (part.compare(target, at, at + STEP_BYTES) !== 0) target.set(part, at);
  }
}

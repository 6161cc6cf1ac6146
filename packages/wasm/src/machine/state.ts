import { BinaryReader } from "./module/binary-reader.ts";
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

/** The module with the globals that its code can set among its exports. */
export function exportGlobals(bytes: Uint8Array, shape: ModuleShape): Uint8Array {
  const added = globalsOf(bytes, shape)
    .filter(({ mutable, type }) => mutable && NUMBERS.has(type))
    .map(({ index }) => exportEntry(GLOBAL + index, "global", index));
  const exports = shape.sections.find(({ id }) => id === SECTION.export);
  if (added.length === 0 || exports === undefined) return bytes;
  const reader = new BinaryReader(bytes, exports.content, exports.end);
  return rewriteModule(bytes, shape.sections, new Map([[SECTION.export, appended(reader, added)]]));
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
  for (const [name, global] of Object.entries(from))
    if (name.startsWith(GLOBAL)) (to[name] as WasmGlobal<bigint>).value = (global as WasmGlobal<bigint>).value;
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

const ZEROS = Buffer.alloc(16_384);

/** What an instance is like at one moment, to be put back in place: faster than another instance, whose memory would have to be mapped. */
export class Snapshot {
  readonly #memory: WasmMemory;
  readonly #length: number;
  /** Stretches of its memory that are not zero, by their offsets. */
  readonly #parts = new Map<number, Uint8Array>();
  readonly #globals: (readonly [WasmGlobal<bigint>, bigint])[] = [];
  #bytes: Buffer;

  constructor(exports: Readonly<Record<string, unknown>>, memory: string) {
    this.#memory = exports[memory] as WasmMemory;
    this.#bytes = Buffer.from(this.#memory.buffer);
    this.#length = this.#bytes.length;
    for (let at = 0; at < this.#length; at += STEP_BYTES)
      if (!isZero(this.#bytes, at, STEP_BYTES))
        this.#parts.set(at, Uint8Array.prototype.slice.call(this.#bytes, at, at + STEP_BYTES));
    for (const [name, global] of Object.entries(exports))
      if (name.startsWith(GLOBAL)) {
        const own = global as WasmGlobal<bigint>;
        this.#globals.push([own, own.value]);
      }
  }

  /** `false` where the memory has grown since, which nothing undoes. */
  restore(): boolean {
    if (this.#memory.buffer.byteLength !== this.#length) return false;
    const bytes = this.#bytes;
    for (let at = 0; at < this.#length; at += ZEROS.length) {
      const isSame = this.#hasParts(at) ? false : isZero(bytes, at, ZEROS.length);
      if (!isSame) this.#restore(at, Math.min(this.#length, at + ZEROS.length));
    }
    for (const [global, value] of this.#globals) global.value = value;
    return true;
  }

  #hasParts(from: number): boolean {
    for (let at = from; at < from + ZEROS.length; at += STEP_BYTES) if (this.#parts.has(at)) return true;
    return false;
  }

  #restore(from: number, to: number): void {
    for (let at = from; at < to; at += STEP_BYTES) {
      const part = this.#parts.get(at);
      if (part !== undefined) this.#bytes.set(part, at);
      else if (!isZero(this.#bytes, at, STEP_BYTES)) this.#bytes.fill(0, at, at + STEP_BYTES);
    }
  }
}

/** A page of zeros is only read: it takes no memory. */
function isZero(bytes: Buffer, at: number, length: number): boolean {
  return bytes.compare(ZEROS, 0, length, at, at + length) === 0;
}

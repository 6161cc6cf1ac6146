/**
 * Enough of the WebAssembly binary format (https://webassembly.github.io/spec/core/binary/) for guests of a few lines. It checks nothing: some of
 * the guests are meant to be wrong.
 */

export type ValueType = "i32" | "i64" | "f64";
export type Code = readonly number[];

export interface WasmImport {
  readonly module: string;
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface WasmFunction {
  /** Exported under it. */
  readonly name?: string;
  readonly params?: readonly ValueType[];
  readonly results?: readonly ValueType[];
  readonly locals?: readonly ValueType[];
  /** Without the final `end`. */
  readonly code: Code;
}

export interface WasmModule {
  readonly imports?: readonly WasmImport[];
  readonly functions: readonly WasmFunction[];
  /** 64 KiB pages. Exported as `memory` unless `hidden`. */
  readonly memory?: {
    readonly min: number;
    readonly max?: number;
    readonly hidden?: boolean;
    readonly shared?: boolean;
  };
  /** Mutable i32 globals, by their first value. */
  readonly globals?: readonly number[];
  readonly data?: readonly { readonly at: number; readonly bytes: Uint8Array }[];
  /** Elements of a table of functions. */
  readonly table?: number;
  /** Functions that the table begins with, by their indexes. */
  readonly elements?: readonly number[];
  /** Contents of segments that lie beside the memory; they come before those of `data`. */
  readonly passive?: readonly Uint8Array[];
  /** Index of the function that runs at instantiation, imports counted first. */
  readonly start?: number;
}

const TYPE = { i32: 0x7f, i64: 0x7e, f64: 0x7c } as const;

export function assemble(module: WasmModule): Uint8Array {
  const {
    imports = [],
    functions,
    memory,
    globals = [],
    data = [],
    table,
    elements = [],
    passive = [],
    start,
  } = module;
  const signatures = [...imports, ...functions].map((fn) => [
    0x60,
    ...vector((fn.params ?? []).map(type)),
    ...vector((fn.results ?? []).map(type)),
  ]);
  const imported = imports.map((each, i) => [...text(each.module), ...text(each.name), 0, ...u32(i)]);
  const exported = functions.flatMap((fn, i) =>
    fn.name === undefined ? [] : [[...text(fn.name), 0, ...u32(imports.length + i)]],
  );
  if (memory !== undefined && memory.hidden !== true) exported.push([...text("memory"), 2, 0]);
  const bodies = functions.map(body);
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(signatures)),
    ...section(2, vector(imported)),
    ...section(3, vector(functions.map((_, i) => u32(imports.length + i)))),
    ...(table === undefined ? [] : section(4, vector([[0x70, 0, ...u32(table)]]))),
    ...(memory === undefined ? [] : section(5, vector([limits(memory)]))),
    ...section(6, vector(globals.map((value) => [TYPE.i32, 1, ...i32(value), 0x0b]))),
    ...section(7, vector(exported)),
    ...(start === undefined ? [] : section(8, u32(start))),
    ...(elements.length === 0
      ? []
      : section(9, vector([[0, ...i32(0), 0x0b, ...vector(elements.map((each) => u32(each)))]]))),
    ...(passive.length === 0 ? [] : section(12, u32(passive.length + data.length))),
    ...section(10, vector(bodies)),
    ...section(
      11,
      vector([
        ...passive.map((bytes) => [1, ...vector([...bytes].map((byte) => [byte]))]),
        ...data.map(({ at, bytes }) => [0, ...i32(at), 0x0b, ...vector([...bytes].map((byte) => [byte]))]),
      ]),
    ),
  ]);
}

export const i32 = (value: number): Code => [0x41, ...signed(BigInt(value | 0))];
export const i64 = (value: bigint): Code => [0x42, ...signed(BigInt.asIntN(64, value))];
export const get = (local: number): Code => [0x20, ...u32(local)];
export const set = (local: number): Code => [0x21, ...u32(local)];
export const getGlobal = (index: number): Code => [0x23, ...u32(index)];
export const setGlobal = (index: number): Code => [0x24, ...u32(index)];
export const call = (index: number): Code => [0x10, ...u32(index)];
export const loop = (...code: Code[]): Code => [0x03, 0x40, ...code.flat(), 0x0b];
/** Runs `code` where the i32 on the stack is not 0. */
export const when = (...code: Code[]): Code => [0x04, 0x40, ...code.flat(), 0x0b];
export const branch = (depth: number): Code => [0x0c, ...u32(depth)];
export const branchIf = (depth: number): Code => [0x0d, ...u32(depth)];
export const DROP: Code = [0x1a];
export const RETURN: Code = [0x0f];
export const UNREACHABLE: Code = [0x00];
export const ADD: Code = [0x6a];
export const SUB: Code = [0x6b];
export const MUL: Code = [0x6c];
export const AND: Code = [0x71];
export const SHL: Code = [0x74];
export const SHR_U: Code = [0x76];
export const EQZ: Code = [0x45];
export const LT_U: Code = [0x49];
export const GT_U: Code = [0x4b];
export const NE: Code = [0x47];
export const I64_OR: Code = [0x84];
export const I64_SHL: Code = [0x86];
export const I64_SHR_U: Code = [0x88];
export const EXTEND_U: Code = [0xad];
/** The low half of an i64, as an i32. */
export const WRAP: Code = [0xa7];
export const MEMORY_SIZE: Code = [0x3f, 0];
export const MEMORY_GROW: Code = [0x40, 0];
export const MEMORY_COPY: Code = [0xfc, 10, 0, 0];
export const MEMORY_FILL: Code = [0xfc, 11, 0];
export const LOAD: Code = [0x28, 2, 0];
export const LOAD8_U: Code = [0x2d, 0, 0];
export const STORE: Code = [0x36, 2, 0];
export const STORE8: Code = [0x3a, 0, 0];

function body(fn: WasmFunction): number[] {
  const locals = vector((fn.locals ?? []).map((local) => [1, TYPE[local]]));
  const code = [...locals, ...fn.code, 0x0b];
  return [...u32(code.length), ...code];
}

function limits({ min, max, shared }: NonNullable<WasmModule["memory"]>): number[] {
  if (max === undefined) return [0, ...u32(min)];
  return [shared === true ? 3 : 1, ...u32(min), ...u32(max)];
}

function section(id: number, content: number[]): number[] {
  // A vector without elements is one zero byte, and then the section can be left out.
  return content.length === 1 && content[0] === 0 && id !== 8 ? [] : [id, ...u32(content.length), ...content];
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...u32(items.length), ...items.flat()];
}

function text(value: string): number[] {
  const bytes = Buffer.from(value);
  return [...u32(bytes.length), ...bytes];
}

function type(name: ValueType): number[] {
  return [TYPE[name]];
}

function u32(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value >>> 0; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest];
    bytes.push((rest & 0x7f) | 0x80);
  }
}

function signed(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; ) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && (byte & 0x40) === 0) || (rest === -1n && (byte & 0x40) !== 0)) return [...bytes, byte];
    bytes.push(byte | 0x80);
  }
}

import { BinaryReader, MalformedModule } from "./binary-reader.ts";

/**
 * What a module imports and exports, with the types of its functions, read from the binary. `WebAssembly.Module.exports`
 * tells names and kinds but no types, and with a wrong type the first call would fail in place of the load.
 * V8 validates the same bytes afterwards, so this reader checks no more than it needs to read on.
 */

export type ExternalKind = "function" | "table" | "memory" | "global" | "tag";

export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternalKind;
  /** Of a function, as in `(i32, i32) -> i64`. */
  readonly signature: string | undefined;
  /** Of a memory of 32 bits: pages that it begins with at the least. */
  readonly pages?: number | undefined;
}

export interface ModuleExport {
  readonly kind: ExternalKind;
  /** Among those of its kind, imported ones first. */
  readonly index: number;
  readonly signature: string | undefined;
}

export interface Section {
  readonly id: number;
  /** Offset of its id byte, of its content, and of the byte after it. */
  readonly start: number;
  readonly content: number;
  readonly end: number;
}

export interface ModuleShape {
  readonly sections: readonly Section[];
  readonly imports: readonly ModuleImport[];
  readonly exports: ReadonlyMap<string, ModuleExport>;
  /** It has struct or array types, whose values live in the host's heap and not in linear memory. */
  readonly usesGarbageCollection: boolean;
  /** Types, those in recursion groups included. */
  readonly types: number;
  /** How many parameters each function of its own has. */
  readonly parameters: readonly number[];
  readonly globals: number;
  /** The most values that one of its exceptions carries. */
  readonly exceptionValues: number;
}

const SECTION = { type: 1, import: 2, function: 3, global: 6, export: 7, tag: 13 } as const;
const KINDS: readonly (ExternalKind | undefined)[] = ["function", "table", "memory", "global", "tag"];
const VALUE_TYPES: Readonly<Record<number, string>> = {
  127: "i32",
  126: "i64",
  125: "f32",
  124: "f64",
  123: "v128",
  112: "funcref",
  111: "externref",
};
/** Longer parameter lists belong to no ABI, and are not worth their text. */
const MAX_SIGNATURE_VALUES = 16;

const MAGIC = Buffer.from([0, 0x61, 0x73, 0x6d]);

interface FunctionType {
  readonly signature: string;
  readonly parameters: number;
}

/** @throws MalformedModule */
export function readShape(bytes: Uint8Array): ModuleShape {
  const sections = readSections(bytes);
  const content = (id: number): BinaryReader | undefined => {
    const section = sections.find((candidate) => candidate.id === id);
    return section && new BinaryReader(bytes, section.content, section.end);
  };
  const types = readTypes(content(SECTION.type));
  const imports = readImports(content(SECTION.import), types.functions);
  const functions = imports.filter((item) => item.kind === "function").map((item) => item.signature);
  const parameters: number[] = [];
  readVector(content(SECTION.function), (reader) => {
    const type = types.functions[reader.u32()];
    functions.push(type?.signature);
    parameters.push(type?.parameters ?? 0);
  });
  const exports = new Map<string, ModuleExport>();
  readVector(content(SECTION.export), (reader) => {
    const name = reader.name();
    const kind = readKind(reader);
    const index = reader.u32();
    exports.set(name, { kind, index, signature: kind === "function" ? functions[index] : undefined });
  });
  let exceptionValues = 0;
  readVector(content(SECTION.tag), (reader) => {
    reader.byte();
    exceptionValues = Math.max(exceptionValues, types.functions[reader.u32()]?.parameters ?? 0);
  });
  const globals = content(SECTION.global)?.u32() ?? 0;
  return {
    sections,
    imports,
    exports,
    usesGarbageCollection: types.usesGarbageCollection,
    types: types.functions.length,
    parameters,
    globals,
    exceptionValues,
  };
}

/** Offsets of the sections, in order. Custom sections have id 0. */
function readSections(bytes: Uint8Array): Section[] {
  if (bytes.length < 8 || !MAGIC.equals(bytes.subarray(0, 4)))
    throw new MalformedModule("it does not begin with the bytes \\0asm; text (.wat) has to be assembled first");
  const version = bytes[4]! | (bytes[5]! << 8) | (bytes[6]! << 16) | (bytes[7]! << 24);
  if (version === 0x1_000d)
    throw new MalformedModule("it is a component (WASI preview 2); build a core module, for example for wasm32-wasip1");
  if (version !== 1) throw new MalformedModule(`its version is ${version}, and 1 is known`);
  const sections: Section[] = [];
  const reader = new BinaryReader(bytes, 8);
  while (!reader.done) {
    const start = reader.offset;
    const id = reader.byte();
    const size = reader.u32();
    const content = reader.offset;
    reader.skip(size);
    if (id !== 0 && sections.some((section) => section.id === id))
      throw new MalformedModule(`section ${id} is there twice, at byte ${start}`);
    sections.push({ id, start, content, end: reader.offset });
  }
  return sections;
}

function readVector(reader: BinaryReader | undefined, item: (reader: BinaryReader) => void): void {
  if (reader === undefined) return;
  for (let count = reader.u32(); count > 0; count--) item(reader);
}

function readKind(reader: BinaryReader): ExternalKind {
  const kind = KINDS[reader.byte()];
  if (kind === undefined)
    throw new MalformedModule(`an import or export is of an unknown kind, at byte ${reader.offset - 1}`);
  return kind;
}

interface Types {
  readonly functions: (FunctionType | undefined)[];
  readonly usesGarbageCollection: boolean;
}

/** Stops at the first struct or array type: such a module is refused anyway. */
function readTypes(reader: BinaryReader | undefined): Types {
  const functions: (FunctionType | undefined)[] = [];
  if (reader === undefined) return { functions, usesGarbageCollection: false };
  // A recursion group counts as one entry and holds several types.
  for (let left = reader.u32(); left > 0; left--) {
    const isGroup = reader.bytes[reader.offset] === 0x4e;
    if (isGroup) reader.byte();
    for (let members = isGroup ? reader.u32() : 1; members > 0; members--) {
      const form = readSubtypeForm(reader);
      if (form === 0x5f || form === 0x5e) return { functions, usesGarbageCollection: true };
      if (form !== 0x60)
        throw new MalformedModule(`a type is of the unknown form ${form}, at byte ${reader.offset - 1}`);
      functions.push(readFunctionType(reader));
    }
  }
  return { functions, usesGarbageCollection: false };
}

/** Skips what a subtype declares of its supertypes. */
function readSubtypeForm(reader: BinaryReader): number {
  const form = reader.byte();
  if (form !== 0x50 && form !== 0x4f) return form;
  readVector(reader, (item) => item.u32());
  return reader.byte();
}

function readFunctionType(reader: BinaryReader): FunctionType {
  const parameters = readValueTypes(reader);
  const results = readValueTypes(reader);
  const to = results.names.length === 1 ? results.text : `(${results.text})`;
  return { signature: `(${parameters.text}) -> ${to}`, parameters: parameters.count };
}

function readValueTypes(reader: BinaryReader): {
  readonly names: string[];
  readonly text: string;
  readonly count: number;
} {
  const names: string[] = [];
  const count = reader.u32();
  for (let left = count; left > 0; left--) {
    const code = reader.byte();
    if (code === 0x63 || code === 0x64) reader.skipNumber();
    if (names.length < MAX_SIGNATURE_VALUES) names.push(VALUE_TYPES[code] ?? "ref");
  }
  return { names, count, text: names.join(", ") + (count > names.length ? ", …" : "") };
}

function readImports(reader: BinaryReader | undefined, types: readonly (FunctionType | undefined)[]): ModuleImport[] {
  const imports: ModuleImport[] = [];
  readVector(reader, (item) => {
    const module = item.name();
    const name = item.name();
    const kind = readKind(item);
    const signature = kind === "function" ? types[item.u32()]?.signature : undefined;
    const pages = kind === "function" ? undefined : readDescription(item, kind);
    imports.push({ module, name, kind, signature, ...(kind === "memory" && { pages }) });
  });
  return imports;
}

/** What a memory or a table begins with. */
function readDescription(reader: BinaryReader, kind: ExternalKind): number | undefined {
  if (kind === "tag") {
    reader.byte();
    reader.u32();
    return undefined;
  }
  if (kind !== "memory") skipType(reader);
  if (kind !== "global") return readLimits(reader);
  reader.byte();
  return undefined;
}

function skipType(reader: BinaryReader): void {
  const code = reader.byte();
  if (code === 0x63 || code === 0x64) reader.skipNumber();
}

/** `undefined` for one of 64 bits. */
function readLimits(reader: BinaryReader): number | undefined {
  const flags = reader.byte();
  const initial = flags & 4 ? reader.skipNumber() : reader.u32();
  if (flags & 1) reader.skipNumber();
  if (flags & 8) reader.u32();
  return initial ?? undefined;
}

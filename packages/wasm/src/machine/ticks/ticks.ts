import { BinaryReader, leb128 } from "../module/binary-reader.ts";
import { START_FUNCTION } from "../module/grow-watch.ts";
import { functionBodies } from "../module/instructions.ts";
import { appended, exportEntry, rewriteModule, SECTION, sized } from "../module/module-rewrite.ts";
import type { ModuleShape } from "../module/module-shape.ts";
import { BRIEF_CALLS, CallCosts, type Costs } from "./call-costs.ts";
import { readWork, type Work } from "./function-work.ts";
import { OP } from "./opcodes.ts";
import { chunkedCopy, chunkedFill, TICKS_OF_BYTES, type TickPlaces, tick, tickByOperand } from "./tick-code.ts";

/**
 * Writes ticks into a module: a countdown in each turn of a loop, at the entry of functions that are long or may call themselves, and in
 * instructions that do much at once, by how much. It is how a host stops a guest that it runs on its own thread (see `Ticker`).
 * Between two ticks lie a thousand instructions or so, and what they weigh is counted with them.
 */

/** The countdown, of type `(mut i32)`. */
export const COUNTDOWN = "extruntime: ticks";
/** The table whose one entry is the host's function `() -> i32`. */
export const TICK_TABLE = "extruntime: tick";

const [I32, FUNCREF] = [0x7f, 0x70];
const CALL = 0x10;
/** Steps that one tick stands for. */
const STEPS_OF_TICK = 128;

/** For code that is known, of an interpreter. Of a guest's own code nobody knows these. */
export interface TickOptions {
  /** The loops of a function that jumps by a table of so many targets or more in one are left out: an interpreter looks at the deadline by itself. None by default. */
  readonly dispatchTargets?: number | undefined;
  /** What has no loop ends soon, also where it calls itself, so that functions have no ticks at their entries. `false` by default. */
  readonly callsEndSoon?: boolean | undefined;
}

/**
 * The module with ticks. Its start function is exported and no longer called, since the table has no function of the host's yet when it would run.
 * `bytes` must be a valid module: what is added could otherwise be named by its code.
 *
 * @throws UnknownInstruction where the code has instructions of a newer proposal.
 */
export function addTicks(bytes: Uint8Array, shape: ModuleShape, options: TickOptions = {}): Uint8Array {
  const content = (id: number): BinaryReader | undefined => {
    const section = shape.sections.find((candidate) => candidate.id === id);
    return section && new BinaryReader(bytes, section.content, section.end);
  };
  const [code, types, functions] = [SECTION.code, SECTION.type, SECTION.function].map(content);
  if (code === undefined || types === undefined || functions === undefined) return bytes;
  const imported = (kind: string) => shape.imports.filter((item) => item.kind === kind).length;
  const places: TickPlaces = {
    countdown: imported("global") + shape.globals,
    table: imported("table") + (content(SECTION.table)?.u32() ?? 0),
    type: shape.types,
  };
  const own = shape.parameters.length;
  const fill = imported("function") + own;
  const chunked = content(SECTION.memory) !== undefined || imported("memory") > 0;
  const bodies = rewriteBodies(code, shape, imported("function"), places, { fill, copy: fill + 1 }, options);
  if (chunked)
    bodies.push(...sized([Uint8Array.from(chunkedFill(places))]), ...sized([Uint8Array.from(chunkedCopy(places))]));

  const start = content(SECTION.start)?.u32();
  const exports = [exportEntry(COUNTDOWN, "global", places.countdown), exportEntry(TICK_TABLE, "table", places.table)];
  if (start !== undefined) exports.push(exportEntry(START_FUNCTION, "function", start));
  const newTypes = [Uint8Array.from([0x60, 0, 1, I32]), Uint8Array.from([0x60, 3, I32, I32, I32, 0])];
  const moved = Uint8Array.from(leb128(places.type + 1));
  const changed = new Map<number, Uint8Array[]>([
    [SECTION.type, appended(types, newTypes)],
    [SECTION.function, appended(functions, chunked ? [moved, moved] : [])],
    [SECTION.table, appended(content(SECTION.table), [Uint8Array.from([FUNCREF, 1, 1, 1])])],
    [SECTION.global, appended(content(SECTION.global), [Uint8Array.from([I32, 1, 0x41, 0, 0x0b])])],
    [SECTION.export, appended(content(SECTION.export), exports)],
    [SECTION.code, [Uint8Array.from(leb128(own + (chunked ? 2 : 0))), ...bodies]],
  ]);
  if (start !== undefined) changed.set(SECTION.start, []);
  return rewriteModule(bytes, shape.sections, changed);
}

interface Moved {
  readonly fill: number;
  readonly copy: number;
}

/** What comes at a place of a body, in place of as many bytes. */
interface Edit {
  readonly at: number;
  readonly drop: number;
  readonly code: readonly number[];
}

function rewriteBodies(
  code: BinaryReader,
  shape: ModuleShape,
  imported: number,
  places: TickPlaces,
  moved: Moved,
  { dispatchTargets = Number.POSITIVE_INFINITY, callsEndSoon = false }: TickOptions,
): Uint8Array[] {
  const works = [...functionBodies(code)].map((body) => withoutDispatch(readWork(body), dispatchTargets));
  const costs = callsEndSoon ? BRIEF_CALLS : new CallCosts(works, imported);
  return works.flatMap((work, i) => {
    const local = shape.parameters[i]! + work.locals;
    const edits = editsOf(work, costs, imported + i, places, local, moved);
    const { bytes, offset, end } = work.body;
    return sized(edits.length === 0 ? [bytes.subarray(offset, end)] : edited(work, edits));
  });
}

function withoutDispatch(work: Work, targets: number): Work {
  const dispatches = work.marks.some(({ loop }) => loop !== undefined && loop.targets >= targets);
  return dispatches ? { ...work, marks: work.marks.filter(({ loop }) => loop === undefined) } : work;
}

/** The body with one more local, of type `i32`, behind all others. */
function edited({ body, first }: Work, edits: readonly Edit[]): Uint8Array[] {
  const out = appended(new BinaryReader(body.bytes, body.offset, first), [Uint8Array.from([1, I32])]);
  let from = first;
  for (const { at, drop, code } of edits) {
    out.push(body.bytes.subarray(from, at), Uint8Array.from(code));
    from = at + drop;
  }
  out.push(body.bytes.subarray(from, body.end));
  return out;
}

/** In the order of their places. */
function editsOf(
  { first, marks, calls, steps }: Work,
  costs: Costs,
  index: number,
  places: TickPlaces,
  local: number,
  { fill, copy }: Moved,
): Edit[] {
  const weight = (from: number, to: number, ownSteps: number) => {
    let all = ownSteps;
    for (let i = from; i < to; i++) all += costs.ofCall(calls[i]!);
    return 1 + Math.floor(all / STEPS_OF_TICK);
  };
  const edits = marks.map(({ at, end, code, loop }): Edit => {
    if (loop !== undefined)
      return { at, drop: 0, code: tick(places, local, weight(loop.firstCall, loop.lastCall, loop.steps)) };
    if (code === OP.memoryFill) return { at, drop: end - at, code: [CALL, ...leb128(fill)] };
    if (code === OP.memoryCopy) return { at, drop: end - at, code: [CALL, ...leb128(copy)] };
    return { at, drop: 0, code: tickByOperand(places, local, code === OP.memoryInit ? TICKS_OF_BYTES : 1) };
  });
  if (costs.ticksAtEntry(index))
    edits.unshift({ at: first, drop: 0, code: tick(places, local, weight(0, calls.length, steps)) });
  return edits;
}

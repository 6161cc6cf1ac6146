import { BinaryReader } from "../module/binary-reader.ts";
import { functionBodies, nextInstruction, skipLocals } from "../module/instructions.ts";
import { SECTION } from "../module/module-rewrite.ts";
import type { ModuleShape } from "../module/module-shape.ts";
import { OP } from "./opcodes.ts";

/** Instructions that code may have at the most to count as brief: some microseconds. */
const MOST_INSTRUCTIONS = 10_000;
/** Functions within each other. */
const MOST_NESTED = 100;

/**
 * Whether the code that an instance starts with ends by its form, and soon: no loop, no call but of functions of the module that are so themselves, nothing
 * that does much at once. Calls of the host end by themselves. Most modules that keep their state start so, and need no ticks for it.
 *
 * @param started names of exports that are called first.
 * @throws UnknownInstruction
 */
export function startsBriefly(bytes: Uint8Array, shape: ModuleShape, started: readonly string[]): boolean {
  const content = (id: number) => {
    const section = shape.sections.find((candidate) => candidate.id === id);
    return section && new BinaryReader(bytes, section.content, section.end);
  };
  const [code, start] = [content(SECTION.code), content(SECTION.start)];
  const roots = started.flatMap((name) => shape.exports.get(name)?.index ?? []);
  if (start !== undefined) roots.push(start.u32());
  if (code === undefined || roots.length === 0) return true;
  const bodies = [...functionBodies(code)];
  const imported = shape.imports.filter(({ kind }) => kind === "function").length;
  const under = new Set<number>();
  let left = MOST_INSTRUCTIONS;
  const isBrief = (fn: number): boolean => {
    if (fn < imported) return true;
    const whole = bodies[fn - imported];
    if (whole === undefined || under.has(fn) || under.size === MOST_NESTED) return false;
    under.add(fn);
    const body = new BinaryReader(bytes, whole.offset, whole.end);
    skipLocals(body);
    while (!body.done) {
      const at = body.offset;
      const instruction = nextInstruction(body);
      if (--left < 0 || instruction === OP.loop || OP.doesMuch.has(instruction) || OP.otherCalls.has(instruction))
        return false;
      if (!OP.directCalls.has(instruction)) continue;
      if (!isBrief(new BinaryReader(bytes, at + 1).u32())) return false;
    }
    under.delete(fn);
    return true;
  };
  return roots.every(isBrief);
}

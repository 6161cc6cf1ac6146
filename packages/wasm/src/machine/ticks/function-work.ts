import { BinaryReader } from "../module/binary-reader.ts";
import { nextInstruction, skipLocals } from "../module/instructions.ts";
import { OP, opensBlock } from "./opcodes.ts";

/** In place of a function's index: a call of which the code does not say what is called. */
export const UNKNOWN = -1;

/** What a function does, as far as ticks have to know: how long its code is, what it calls, and where it does more than one thing at a time. */
export interface Work {
  /** At its locals. */
  readonly body: BinaryReader;
  readonly locals: number;
  /** Offset of its first instruction. */
  readonly first: number;
  /** Instructions. */
  readonly steps: number;
  /** Indices of the functions that it calls, or {@link UNKNOWN}, in the order of its code. */
  readonly calls: readonly number[];
  readonly marks: readonly Mark[];
}

/** A place for a tick. */
export interface Mark {
  /** Of the instruction that does much at once, or of the first in a loop. */
  readonly at: number;
  readonly end: number;
  readonly code: number;
  /** Of a loop: the steps of one turn, which of the calls are in it, and the targets of the longest `br_table` in it. */
  readonly loop:
    | { readonly steps: number; readonly firstCall: number; readonly lastCall: number; readonly targets: number }
    | undefined;
}

interface OpenLoop {
  readonly mark: number;
  readonly steps: number;
  readonly calls: number;
  targets: number;
}

/** @throws UnknownInstruction */
export function readWork(body: BinaryReader): Work {
  const reader = new BinaryReader(body.bytes, body.offset, body.end);
  const locals = skipLocals(reader);
  const first = reader.offset;
  const calls: number[] = [];
  const marks: Mark[] = [];
  let steps = 0;
  /** Blocks that are open; those that are no loops have nothing to remember. */
  const open: (OpenLoop | undefined)[] = [];
  while (!reader.done) {
    const at = reader.offset;
    const code = nextInstruction(reader);
    const end = reader.offset;
    steps += 1;
    if (code === OP.loop) {
      open.push({ mark: marks.length, steps, calls: calls.length, targets: 0 });
      marks.push({ at: end, end, code, loop: undefined });
    } else if (opensBlock(code)) open.push(undefined);
    else if (code === OP.end || code === OP.delegate) {
      const loop = open.pop();
      if (loop !== undefined)
        marks[loop.mark] = {
          ...marks[loop.mark]!,
          loop: { steps: steps - loop.steps, firstCall: loop.calls, lastCall: calls.length, targets: loop.targets },
        };
    } else if (code === OP.brTable) {
      const targets = new BinaryReader(body.bytes, at + 1, end).u32();
      for (const loop of open) if (loop !== undefined) loop.targets = Math.max(loop.targets, targets);
    } else if (OP.directCalls.has(code)) calls.push(new BinaryReader(body.bytes, at + 1, end).u32());
    else if (OP.otherCalls.has(code)) calls.push(UNKNOWN);
    else if (OP.doesMuch.has(code)) marks.push({ at, end, code, loop: undefined });
  }
  return { body, locals, first, steps, calls, marks };
}

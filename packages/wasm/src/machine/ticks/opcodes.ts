/** Instructions that have to do with how long code runs, by their codes; `0xfc00` and more are bulk operations. */
export const OP = {
  loop: 0x03,
  end: 0x0b,
  brTable: 0x0e,
  /** The end of an old `try`, too. */
  delegate: 0x18,
  memoryInit: 0xfc08,
  memoryCopy: 0xfc0a,
  memoryFill: 0xfc0b,
  /** `call` and `return_call`. */
  directCalls: new Set([0x10, 0x12]),
  /** By a table or a reference. */
  otherCalls: new Set([0x11, 0x13, 0x14, 0x15]),
  /** Their work is by the number on top of the stack: those of memory, `memory.grow`, and those of tables. */
  doesMuch: new Set([0x40, 0xfc08, 0xfc0a, 0xfc0b, 0xfc0c, 0xfc0e, 0xfc0f, 0xfc11]),
  /** After one of them a table, or a segment, is no longer as it was when the instance was made: `table.set`, `table.init` & co., `data.drop`, `elem.drop`. */
  changesState: new Set([0x26, 0xfc09, 0xfc0c, 0xfc0d, 0xfc0e, 0xfc0f, 0xfc11]),
} as const;

const BLOCKS: ReadonlySet<number> = new Set([0x02, 0x03, 0x04, 0x06, 0x1f]);

/** `block`, `loop`, `if`, and both kinds of `try`. */
export function opensBlock(code: number): boolean {
  return BLOCKS.has(code);
}

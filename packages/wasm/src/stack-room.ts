/** Frames that make 40 KiB at the least, with V8's optimising compiler (180 bytes each); without it, 75 KiB. */
const FRAMES = 240;

/**
 * Throws a RangeError where the stack is nearly used up. A guest chooses how deep it calls the host from, and could otherwise have
 * a function of the host end halfway through, at a place of its choice.
 */
export function needStack(): void {
  descend(FRAMES, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

/** Its parameters are there to make a frame large. */
// biome-ignore format: one line says it.
function descend(left: number, a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number, l: number, m: number, n: number): number {
  return left === 0 ? 0 : descend(left - 1, a, b, c, d, e, f, g, h, i, j, k, l, m, n) + 1;
}

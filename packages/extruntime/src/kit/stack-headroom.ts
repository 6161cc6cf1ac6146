/** Frames that take 40 KiB at the least: V8's optimising compiler makes one of 180 bytes of each, and without it they are larger. */
const FRAMES = 240;

/**
 * Whether the host's own stack has room for a host function. A guest chooses how deep it calls from, and could otherwise
 * have one end halfway through, at a place of its choice.
 */
export function hasStackRoom(): boolean {
  try {
    descend(FRAMES, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}

/** Its parameters make its frame large. */
// biome-ignore format: one line says it.
function descend(left: number, a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number, l: number, m: number, n: number): number {
  return left === 0 ? 0 : descend(left - 1, a, b, c, d, e, f, g, h, i, j, k, l, m, n) + 1;
}

/** Throws a RangeError unless so many frames fit. */
export function needStack(frames: number): number {
  return frames === 0 ? 0 : 1 + needStack(frames - 1);
}

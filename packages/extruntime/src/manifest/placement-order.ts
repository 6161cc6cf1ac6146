import { PLACEMENTS } from "./definition.ts";
import type { Placement } from "./manifest.ts";

/** The farthest of some placements, from `inline` to `process`. */
export function farthest(...placements: readonly (Placement | undefined)[]): Placement {
  return PLACEMENTS[Math.max(0, ...placements.map((placement) => rank(placement)))]!;
}

export function isFarther(placement: Placement, than: Placement): boolean {
  return rank(placement) > rank(than);
}

function rank(placement: Placement | undefined): number {
  return placement === undefined ? 0 : PLACEMENTS.indexOf(placement);
}

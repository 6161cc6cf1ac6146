import { PLACEMENTS } from "./definition.ts";
import type { Placement } from "./manifest.ts";

/** The most isolated of some placements: inline < thread < process. */
export function mostIsolated(...placements: readonly (Placement | undefined)[]): Placement {
  return PLACEMENTS[Math.max(0, ...placements.map((placement) => rank(placement)))]!;
}

export function isMoreIsolated(placement: Placement, than: Placement): boolean {
  return rank(placement) > rank(than);
}

function rank(placement: Placement | undefined): number {
  return placement === undefined ? 0 : PLACEMENTS.indexOf(placement);
}

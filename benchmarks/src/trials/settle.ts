import type { SubjectSpec } from "../subjects/subject.ts";

/** Milliseconds until workers, their spares and the compiled code of both sides have come to rest; a start takes more than a core's time for a while. */
const START_MS = 400;
/** The same for a floor with a worker of its own, which has no spare. */
const FLOOR_START_MS = 150;

/** How long to call a subject before it is timed: steady calls are compared with steady calls. What a start costs is another trial's. */
export function settleMs(spec: SubjectSpec, warmUpMs: number): number {
  return hasWorkers(spec) ? Math.max(START_MS, warmUpMs) : warmUpMs;
}

/** How long to call each of those that take turns with a subject. */
export function turnsWarmUpMs(spec: SubjectSpec, warmUpMs: number): number {
  return hasWorkers(spec) ? Math.max(FLOOR_START_MS, warmUpMs) : warmUpMs;
}

/** By its placement, or by the engine's own threads. */
export function hasWorkers({ placement, capabilities }: SubjectSpec): boolean {
  return placement !== "inline" || capabilities?.parallel === true;
}

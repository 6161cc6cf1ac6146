import type { ProgramHistory } from "./calls/program-history.ts";
import type { PlacedWorker } from "./placed-worker.ts";

/** Whether `other` is the better place for one more instance of a program. */
export function worse(
  best: PlacedWorker,
  other: PlacedWorker,
  program: number,
  history: ProgramHistory | undefined,
): boolean {
  if (best.stalled !== other.stalled) return best.stalled;
  if (history !== undefined && clash(best, history) !== clash(other, history)) return clash(best, history);
  if (history?.crowded === true && best.isQuiet !== other.isQuiet) return other.isQuiet;
  const [has, otherHas] = [best.programs.has(program), other.programs.has(program)];
  // Instances of one program are spread, so that its calls run side by side.
  if (has !== otherHas && best.instances === other.instances) return has;
  return other.instances < best.instances;
}

/** Whether a program's calls and those of the worker's guests put each other at risk. `own`: so many of these are the program's own and do not count. */
export function clash({ guests }: PlacedWorker, history: ProgramHistory, own = 0): boolean {
  if (guests.length === own || !(history.waits || history.endless)) return false;
  let skip = own;
  return guests.some((guest) => (guest === history && skip-- > 0 ? false : guest.clashes(history)));
}

/** The same where it is not known yet what its calls do, and one of them had to wait to be alone. */
export function mayHarm(worker: PlacedWorker, history: ProgramHistory): boolean {
  return clash(worker, history) || (history.crowded && !worker.isQuiet);
}

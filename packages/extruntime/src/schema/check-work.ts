import { ExtensionError } from "../errors.ts";

/**
 * What a check may take. A schema of a few lines can have a small value looked at for hours (each level of a nested value twice, say), so a check counts the
 * schemas that it enters, and ends where they are too many for the text that is checked.
 */

/** Steps that any check may take, and those that each character of the text adds. A small schema takes about one step for five characters. */
const BASE_STEPS = 100_000;
const STEPS_PER_CHAR = 8;
/** Steps between two looks at the clock: about a millisecond. */
const STEPS_A_LOOK = 50_000;

/** Thrown through the compiled check. */
export class CheckTooLong extends Error {}

/** Of the check that runs now: one runs at a time, as none waits for anything. */
let untilLook = 0;
let later = 0;
let deadline = Number.POSITIVE_INFINITY;

/** @param until on the clock of `performance.now()`. */
export function beginWork(textLength: number, until: number): void {
  const all = BASE_STEPS + STEPS_PER_CHAR * textLength;
  untilLook = Math.min(all, STEPS_A_LOOK);
  later = all - untilLook;
  deadline = until;
}

export function spend(steps: number): void {
  untilLook -= steps;
  if (untilLook < 0) look();
}

/** For schemas whose checks grow with the value itself. */
export function spendOn(value: unknown, steps: number): void {
  if (typeof value === "string") spend(steps + value.length);
  else spend(typeof value === "object" && value !== null ? steps + Object.keys(value).length : steps);
}

function look(): void {
  if (later + untilLook < 0)
    throw new CheckTooLong(
      `its schema has it looked at too often: a check may take ${BASE_STEPS} steps, and ${STEPS_PER_CHAR} more for each character; make the schema simpler`,
    );
  if (performance.now() > deadline)
    throw new ExtensionError("ERR_EXT_TIMEOUT", "the call's time was up while a value was checked by its schema");
  later += untilLook;
  untilLook = Math.min(later, STEPS_A_LOOK);
  later -= untilLook;
}

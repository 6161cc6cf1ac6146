/** Seeds of runs that have failed once: they are run first, for ever. */
export const KEPT_SEEDS: readonly number[] = [];

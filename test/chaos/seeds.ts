import { readFileSync, writeFileSync } from "node:fs";

const FILE = new URL("kept-seeds.json", import.meta.url);

/** Seeds of runs that have failed once: they are run first, for ever. */
export const KEPT_SEEDS: readonly number[] = JSON.parse(readFileSync(FILE, "utf8"));

export function keepSeed(seed: number): void {
  if (!KEPT_SEEDS.includes(seed)) writeFileSync(FILE, `${JSON.stringify([...KEPT_SEEDS, seed])}\n`);
}

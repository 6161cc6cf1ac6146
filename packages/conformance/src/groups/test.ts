import type { Bench } from "../bench/bench.ts";
import type { PromiseName } from "../setup/promises.ts";

export interface Test {
  readonly name: string;
  /** Rejects where the promise is broken. Asserts with `node:assert/strict`. */
  readonly run: (bench: Bench) => Promise<void>;
  /** In the place of its group's. */
  readonly promise?: PromiseName;
  /** Needs a process in which nothing ran before, since it measures memory. */
  readonly fresh?: boolean;
  /** `bench.runtime()` is one that it shares with the tests before and after it, since starting workers takes long. It must not close it. */
  readonly shares?: boolean;
  /** Times the setup's `patienceMs`. 1 where it is left out. */
  readonly patience?: number;
}

export interface Group {
  readonly name: string;
  /** What its tests are about, but for those that say otherwise. */
  readonly promise: PromiseName;
  readonly tests: readonly Test[];
}

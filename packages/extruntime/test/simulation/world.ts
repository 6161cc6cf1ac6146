import type { SimClock } from "./clock.ts";
import type { Core } from "./core.ts";
import type { Random } from "./random.ts";
import type { SimWorker } from "./sim-worker.ts";

/** What one schedule has of the world, and what it has seen. */
export interface World {
  readonly core: Core;
  readonly clock: SimClock;
  readonly random: Random;
  readonly softAbort: boolean;
  /** Share of the workers that end before they are ready. */
  readonly startFailures: number;
  /** Live ones, with what keeps them: a `PlacedWorker`. */
  readonly workers: Map<SimWorker, unknown>;
  /** A guest begins with a call. */
  workersMade: number;
  began(id: number, worker: SimWorker): void;
  /** For whoever looks at one seed. */
  trace(line: () => string): void;
  /** A worker ended by itself. */
  crashed(worker: SimWorker): void;
}

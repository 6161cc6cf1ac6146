import { abort } from "./abort.ts";
import { compute } from "./compute.ts";
import { concurrent } from "./concurrent.ts";
import { load } from "./load.ts";
import { memory } from "./memory.ts";
import { neighbour } from "./neighbour.ts";
import { payload } from "./payload.ts";
import { pool } from "./pool.ts";
import { serial } from "./serial.ts";
import { start } from "./start.ts";
import { tenants } from "./tenants.ts";
import type { Trial } from "./trial.ts";

/** In the order of the report. */
export const TRIALS: readonly Trial[] = [
  serial,
  concurrent,
  payload,
  compute,
  start,
  load,
  memory,
  tenants,
  pool,
  abort,
  neighbour,
];

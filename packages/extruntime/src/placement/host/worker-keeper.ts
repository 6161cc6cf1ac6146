import type { Call } from "../../contract/engine.ts";
import type { LogLevel } from "../../contract/runtime.ts";
import type { Lingering } from "./calls/call-stopper.ts";
import type { ProgramHistory } from "./calls/program-history.ts";
import type { Patience } from "./calls/remote-call.ts";
import type { PlacedWorker } from "./placed-worker.ts";

/** What a worker tells whoever keeps it. */
export interface WorkerKeeper extends Lingering {
  /** Output of a guest; of that call, where it is known. */
  log(program: number, level: LogLevel, message: string, call: Call | undefined): void;
  /** A guest calls a host function, by its index in the manifest, for a call. `now`: the guest blocks its thread, so a host function that returns a promise fails. `undefined`: there is none of that index. */
  hostCall(
    program: number,
    index: number,
    payload: string,
    call: Call | undefined,
    now: boolean,
  ): string | Promise<string> | undefined;
  /** A program is closed in the worker: nothing comes of it any more. */
  closed(program: number): void;
  /**
   * It ended by itself with calls of which none is known to have begun. Whether that was so too often: a guest can have the file in which they are noted
   * say so, and the call that ends its process would be tried again for ever.
   */
  isUnexplained(worker: PlacedWorker): boolean;
  /** It holds no call any more. */
  idle(worker: PlacedWorker): void;
  /** It has ended; `expected` where it was told to. */
  ended(worker: PlacedWorker, expected: boolean): void;
  /** It holds calls again. */
  busy(): void;
  /** Whether a call that would have to be alone on this worker's thread can be so on another one's, or soon can. */
  canBeAlone(worker: PlacedWorker, history: ProgramHistory): boolean;
  /** With workers that read long payloads. */
  readonly patience: Patience;
}

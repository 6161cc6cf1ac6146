import { type Call, ExtensionError, UNLIMITED } from "extruntime/engine";

/** The guest called `proc_exit`. Thrown through the guest's frames to end its run; not an `Error`, since no one reads its stack. */
export class GuestExit {
  readonly exitCode: number;

  constructor(exitCode: number) {
    this.exitCode = exitCode;
  }
}

export type StopReason = GuestExit | ExtensionError;

/**
 * Ends a guest's run from within a host function. WebAssembly code can catch what a host function throws, so the first
 * reason is kept: whatever the guest does afterwards, this is how its call ended.
 */
export class StopSwitch {
  #call: Call = UNLIMITED;
  #reason: StopReason | undefined;

  /** Of the run under way, on the clock of `performance.now()`. */
  get deadline(): number {
    return this.#call.deadline;
  }

  set deadline(deadline: number) {
    this.#call = { deadline, signal: undefined };
  }

  /** The run under way ends by the deadline of this call. */
  serve(call: Call): void {
    this.#call = call;
  }

  get reason(): StopReason | undefined {
    return this.#reason;
  }

  stop(reason: StopReason): never {
    this.#reason ??= reason;
    throw this.#reason;
  }

  /** Throws where the run was stopped, or its deadline has passed. */
  check(now = performance.now()): void {
    if (this.#reason !== undefined) throw this.#reason;
    if (now >= this.deadline) this.stop(new ExtensionError("ERR_EXT_TIMEOUT", "it was stopped at its deadline"));
  }

  reset(): void {
    this.#reason = undefined;
  }
}

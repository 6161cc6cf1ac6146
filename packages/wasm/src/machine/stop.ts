import type { ExtensionError } from "extruntime/engine";

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
  #reason: StopReason | undefined;

  get reason(): StopReason | undefined {
    return this.#reason;
  }

  stop(reason: StopReason): never {
    this.#reason ??= reason;
    throw this.#reason;
  }

  reset(): void {
    this.#reason = undefined;
  }
}

import { type Call, ExtensionError } from "extruntime/engine";

/** Unwinds our own frames after the guest was stopped; whoever ran it replaces it. */
export const STOPPED = new Error("stopped");
/** Milliseconds that the interpreter has to stop by itself, which leaves the memory intact. Builtins do not look. */
const GRACE_MS = 2;

/** The limits of time of a guest, and whether it has met them. */
export class GuestStop {
  #call: Call | undefined;
  #reason: "deadline" | "signal" | undefined;
  /** When it was first seen that the guest has to stop. */
  #seenAt: number | undefined;

  /** The one that runs. */
  get call(): Call | undefined {
    return this.#call;
  }

  /** Whether the guest has to stop, or had to in the last run. */
  get stopped(): boolean {
    return this.#reason !== undefined;
  }

  begin(call: Call): void {
    this.#call = call;
    this.#reason = undefined;
    this.#seenAt = undefined;
  }

  end(): void {
    this.#call = undefined;
  }

  /** As at the deadline, or for the call's signal. */
  stop(call: Call): void {
    this.#reason = call.signal?.aborted === true ? "signal" : "deadline";
  }

  /** Looks whether the guest has to stop. */
  look(): boolean {
    if (this.#reason !== undefined) return true;
    if (this.#call === undefined) return false;
    if (this.#call.signal?.aborted === true) this.#reason = "signal";
    else if (performance.now() >= this.#call.deadline) this.#reason = "deadline";
    return this.#reason !== undefined;
  }

  /** The same from within a builtin: whether it has had to for so long that it will not by itself. `now` is on the clock of `performance.now()`. */
  isOverdue(now: number): boolean {
    if (!this.look()) return false;
    this.#seenAt ??= now;
    return now - this.#seenAt >= GRACE_MS;
  }

  /** What the caller is told. */
  error(call: Call): unknown {
    if (this.#reason === "signal") return call.signal?.reason;
    return new ExtensionError("ERR_EXT_TIMEOUT", "it was stopped at its deadline");
  }
}

import { ExtensionError } from "extruntime/engine";

/** Milliseconds for what is already answered to be on its way, before the process is ended. */
const ANSWERED_MS = 50;

/** Counts the interpreters whose calls would not stop, and bounds them. */
export class SetAside {
  /**
   * The process goes with the first of them: it is the guest's own, and CPython has no GIL. There a thread that stays in C code keeps all others from making an interpreter and
   * from collecting garbage, and nothing but its end helps.
   */
  endsProcess = false;
  /** Milliseconds that an aborted call has to end. Python code takes a few; what takes longer is stuck in C. */
  readonly graceMs: number;
  readonly #most: number;
  #count = 0;

  constructor(most: number, graceMs: number) {
    this.#most = most;
    this.graceMs = graceMs;
  }

  enter(): void {
    this.#count++;
    if (this.endsProcess) setTimeout(() => process.kill(process.pid, "SIGKILL"), ANSWERED_MS);
  }

  leave(): void {
    this.#count--;
  }

  /** @throws ExtensionError `ERR_EXT_BUSY` when there are so many that no other interpreter may be made. */
  check(): void {
    if (this.#count < this.#most) return;
    throw new ExtensionError(
      "ERR_EXT_BUSY",
      `${this.#count} interpreters are stuck in calls that did not stop when they were aborted (in C code, such as a sleep ` +
        "or a lock), and no more are made until one of them returns; raise the option maxStuck, or give such calls limits of their own",
    );
  }
}

import { ExtensionError } from "extruntime/engine";

/** Counts the interpreters whose calls would not stop, and bounds them. */
export class SetAside {
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

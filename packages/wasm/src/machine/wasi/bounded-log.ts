import type { LogLevel } from "extruntime/engine";

/** Bytes that one call may log; the rest is dropped. */
const MAX_CALL_BYTES = 64 * 1024;
/** What a line counts as at least, so that empty lines are bounded too. */
const MIN_LINE_BYTES = 64;

/** The host's log as one guest sees it: bounded in each call, over all of its streams together. */
export class BoundedLog {
  readonly #log: (level: LogLevel, line: string) => void;
  #left = MAX_CALL_BYTES;

  constructor(log: (level: LogLevel, line: string) => void) {
    this.#log = log;
  }

  get isFull(): boolean {
    return this.#left <= 0;
  }

  line(level: LogLevel, text: string): void {
    if (this.isFull) return;
    this.#left -= Math.max(text.length, MIN_LINE_BYTES);
    this.#log(level, text);
    if (this.isFull) this.#log("warn", `… (the rest of this call's output is dropped after ${MAX_CALL_BYTES} bytes)`);
  }

  /** A new call begins. */
  renew(): void {
    this.#left = MAX_CALL_BYTES;
  }
}

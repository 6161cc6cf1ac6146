import { type Bounds, cut } from "../contract/bounds.ts";
import type { Call } from "../contract/engine.ts";
import type { LogLevel } from "../contract/runtime.ts";

/** Where bounded output goes; `call` is as in `CompileContext.log`. */
export type LogSink = (level: LogLevel, message: string, call?: Call) => void;

/** Characters that a line counts as at the least, so that empty ones are bounded too. */
export const LEAST_LINE = 12;

/**
 * The output of a module's guests, bounded in each line and in each call. Not every line says which call it is of: where calls
 * overlap, they may together say as much as all of them may.
 */
export class GuestLog {
  readonly #sink: LogSink;
  readonly #lineChars: number;
  readonly #logChars: number;
  /** Characters that may still come. */
  #left: number;
  #told = false;

  constructor(sink: LogSink, { lineChars, logChars }: Pick<Bounds, "lineChars" | "logChars">) {
    this.#sink = sink;
    this.#lineChars = lineChars;
    this.#logChars = logChars;
    this.#left = logChars;
  }

  /** A call begins, and so many run now. */
  renew(running: number): void {
    if (this.#left === this.#logChars) return;
    this.#left = Math.min(Math.max(this.#left, 0) + this.#logChars, this.#logChars * running);
    this.#told = false;
  }

  /** Takes a line. */
  readonly write = (level: LogLevel, message: string, call?: Call): void => {
    if (this.#left <= 0) {
      this.#tell(call);
      return;
    }
    const line = cut(message, this.#lineChars);
    const room = this.#left;
    this.#left -= Math.max(line.length, LEAST_LINE);
    this.#sink(level, line.length > room ? line.slice(0, room) : line, call);
    if (line.length > room) this.#tell(call);
  };

  #tell(call: Call | undefined): void {
    if (this.#told) return;
    this.#told = true;
    this.#sink("warn", `… (the rest of this call's output is dropped: limits.logChars is ${this.#logChars})`, call);
  }
}

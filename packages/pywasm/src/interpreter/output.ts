import type { Bounds, LogLevel } from "extruntime/engine";

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];
/** What a line counts as at least, so that empty ones are bounded too. */
const LEAST_LINE = 12;

/** What a program prints, line by line for the log, bounded in each call. */
export class Output {
  readonly #log: (level: LogLevel, line: string) => void;
  readonly #bounds: Pick<Bounds, "lineChars" | "logChars">;
  /** Characters that may still come in this call. The core cuts at the same bound, and says so: it gets a little more. */
  #left: number;
  #line = "";
  #level: LogLevel = "info";

  constructor(log: (level: LogLevel, line: string) => void, bounds: Pick<Bounds, "lineChars" | "logChars">) {
    this.#log = log;
    this.#bounds = bounds;
    this.#left = bounds.logChars;
  }

  /** Whether nothing more is taken in this call. */
  get isFull(): boolean {
    return this.#left < 0;
  }

  write(level: number, text: string): void {
    const name = LEVELS[level] ?? "info";
    if (name !== this.#level) this.#end();
    this.#level = name;
    let from = 0;
    for (let end = text.indexOf("\n"); end !== -1 && !this.isFull; end = text.indexOf("\n", from)) {
      this.#take(text.slice(from, end));
      this.#emit();
      from = end + 1;
    }
    if (from < text.length) this.#take(text.slice(from));
  }

  /** A call ends, or waits: what it has printed of a line is one. */
  end(): void {
    this.#end();
  }

  /** A call begins. */
  renew(): void {
    this.#left = this.#bounds.logChars;
  }

  #end(): void {
    if (this.#line !== "") this.#emit();
  }

  #take(part: string): void {
    if (this.isFull) return;
    // One character more than may be shown tells the core to cut.
    this.#line += part.slice(0, Math.max(0, this.#bounds.lineChars + 1 - this.#line.length));
  }

  #emit(): void {
    const line = this.#line;
    this.#line = "";
    if (this.isFull) return;
    this.#left -= Math.max(LEAST_LINE, line.length);
    this.#log(this.#level, line);
  }
}

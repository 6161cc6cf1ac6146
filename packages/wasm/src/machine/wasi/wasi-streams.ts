import { type Bounds, ExtensionError, type LogLevel, resultTooLong } from "extruntime/engine";
import type { BoundedLog } from "./bounded-log.ts";

/** Where a guest's standard output and error go. A chunk is a view of the guest's memory: it is valid during the call only. */
export interface OutputStream {
  write(chunk: Uint8Array): void;
}

/** Bytes of one line that reach the log; the rest of the line is dropped. */
const MAX_LINE_BYTES = 8 * 1024;
/** Bytes of the end of the output that are kept for an error's message. */
const TAIL_BYTES = 4 * 1024;
/** A result buffer up to this size is kept for the next call. */
const KEPT_RESULT_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Hands output to the log line by line. */
export class LineLog implements OutputStream {
  readonly #log: BoundedLog;
  readonly #level: LogLevel;
  /** Made when something is written: most guests write nothing. */
  #line: Buffer | undefined;
  #length = 0;
  #cut = false;

  constructor(log: BoundedLog, level: LogLevel) {
    this.#log = log;
    this.#level = level;
  }

  write(chunk: Uint8Array): void {
    let start = 0;
    while (start < chunk.length && !this.#log.isFull) {
      const newline = chunk.indexOf(NEWLINE, start);
      const end = newline === -1 ? chunk.length : newline;
      this.#append(chunk.subarray(start, end));
      if (newline !== -1) this.#emit();
      start = end + 1;
    }
  }

  /** The call ends: a line that was not ended is logged. */
  end(): void {
    if (this.#length > 0) this.#emit();
  }

  #append(part: Uint8Array): void {
    const taken = Math.min(part.length, MAX_LINE_BYTES - this.#length);
    this.#line ??= Buffer.allocUnsafe(MAX_LINE_BYTES);
    this.#line.set(part.subarray(0, taken), this.#length);
    this.#length += taken;
    if (taken < part.length) this.#cut = true;
  }

  #emit(): void {
    const text = this.#line?.toString("utf8", 0, this.#length) ?? "";
    this.#log.line(this.#level, this.#cut ? `${text}… (cut at ${MAX_LINE_BYTES} bytes)` : text);
    this.#length = 0;
    this.#cut = false;
  }
}

/** Standard error: logged, and its end kept for the message of the error that may follow. */
export class ErrorLog implements OutputStream {
  readonly #lines: LineLog;
  #kept: Buffer | undefined;
  #length = 0;

  constructor(log: BoundedLog) {
    this.#lines = new LineLog(log, "warn");
  }

  write(chunk: Uint8Array): void {
    this.#keep(chunk.subarray(-TAIL_BYTES));
    this.#lines.write(chunk);
  }

  /** What was written last in this call, up to 4 KiB, without white space around it. */
  get tail(): string {
    return this.#kept?.toString("utf8", Math.max(0, this.#length - TAIL_BYTES), this.#length).trim() ?? "";
  }

  end(): void {
    this.#lines.end();
    this.#length = 0;
  }

  #keep(part: Uint8Array): void {
    this.#kept ??= Buffer.allocUnsafe(2 * TAIL_BYTES);
    if (this.#length + part.length > this.#kept.length) {
      this.#kept.copyWithin(0, this.#length - TAIL_BYTES, this.#length);
      this.#length = TAIL_BYTES;
    }
    this.#kept.set(part, this.#length);
    this.#length += part.length;
  }
}

/** Standard output of a command: the result, held in memory of the host, so bounded as the guest's own memory is. */
export class ResultBuffer implements OutputStream {
  readonly #limit: number;
  readonly #bounds: Bounds;
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Kept, since a guest may catch it and write on. */
  #refused: ExtensionError | undefined;

  constructor(limitBytes: number, bounds: Bounds) {
    this.#limit = Math.min(limitBytes, bounds.resultBytes);
    this.#bounds = bounds;
  }

  write(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > this.#limit) this.#refused ??= this.#refusal(length);
    if (this.#refused !== undefined) throw this.#refused;
    if (length > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(1024, length * 2)));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length = length;
  }

  /** A new run begins; what a failed one left is forgotten. */
  clear(): void {
    this.#length = 0;
    this.#refused = undefined;
  }

  /** What this run wrote. A view: to be read before the next run. Throws where that was too much. */
  take(): Buffer {
    if (this.#refused !== undefined) throw this.#refused;
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    // A large result is not held on to for a small one's sake.
    if (this.#bytes.length > KEPT_RESULT_BYTES) this.#bytes = Buffer.alloc(0);
    return taken;
  }

  #refusal(length: number): ExtensionError {
    if (length > this.#bounds.resultBytes) return resultTooLong(length, this.#bounds);
    return new ExtensionError("ERR_EXT_MEMORY", `the result is larger than the memory limit of ${this.#limit} bytes`);
  }
}

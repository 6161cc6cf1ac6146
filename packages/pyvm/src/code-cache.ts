/** Compiled code of an extension, and what it was compiled from. */
interface Entry {
  readonly source: Uint8Array;
  readonly code: Uint8Array;
}

/** Bytes of sources and code that are kept. */
const MOST_BYTES = 8 << 20;

/** Keeps the code of the programs compiled last, so that loading an extension again compiles nothing. */
export class CodeCache {
  /** By file name, the one used last at the end. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  get(filename: string, source: Uint8Array): Uint8Array | undefined {
    const entry = this.#entries.get(filename);
    if (entry === undefined || Buffer.compare(entry.source, source) !== 0) return undefined;
    this.#entries.delete(filename);
    this.#entries.set(filename, entry);
    return entry.code;
  }

  set(filename: string, source: Uint8Array, code: Uint8Array): void {
    this.#drop(filename);
    this.#entries.set(filename, { source, code });
    this.#bytes += source.length + code.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= MOST_BYTES) break;
      this.#drop(oldest);
    }
  }

  #drop(filename: string): void {
    const entry = this.#entries.get(filename);
    if (entry === undefined) return;
    this.#entries.delete(filename);
    this.#bytes -= entry.source.length + entry.code.length;
  }
}

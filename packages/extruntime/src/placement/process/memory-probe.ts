import { readFileSync } from "node:fs";

/** A crash counts as out of memory if the process last used at least this share of its limit. */
const NEAR = 0.95;

/** What an allocation that fails can end in, where nobody looks whether it did. */
export function isCrash(signal: NodeJS.Signals | null): boolean {
  return signal !== null && CRASHES.includes(signal);
}

const CRASHES: readonly NodeJS.Signals[] = ["SIGSEGV", "SIGBUS", "SIGABRT", "SIGTRAP", "SIGILL"];

/**
 * How much of the data that the operating system allows it a process has. Not all code checks whether it got the memory that it asked for: such a
 * process ends by a signal, and only what it had before tells that it was at its limit. Linux only; elsewhere nothing is known.
 */
export class MemoryProbe {
  readonly #pid: number;
  readonly #limitBytes: number;
  #near = false;

  /** @param limitBytes as `ulimit -d` was given it. */
  constructor(pid: number, limitBytes: number) {
    this.#pid = pid;
    this.#limitBytes = limitBytes;
  }

  /** To be called while the process runs a guest. */
  look(): void {
    try {
      const status = readFileSync(`/proc/${this.#pid}/status`, "latin1");
      const kibibytes = Number(/^VmData:\s*(\d+) kB/m.exec(status)?.[1] ?? 0);
      if (kibibytes > 0) this.#near = kibibytes * 1024 >= this.#limitBytes * NEAR;
    } catch {
      // It has ended, or there is no /proc.
    }
  }

  /** Whether it was near its limit when it was last looked at, and ended as a failed allocation ends a process. */
  explains(signal: NodeJS.Signals | null): boolean {
    return this.#near && isCrash(signal);
  }
}

import { MemoryProbe } from "./memory-probe.ts";

/** Characters of a line that are kept until it is whole: more than any that says something. */
const MOST_LINE = 32;

/** What a supervisor says of the processes that it answers for, line by line. Only the supervisor can write there; other lines than its own say nothing. */
export class SupervisorReport {
  /** Bytes that `ulimit -d` allows each of them; undefined for no limit. */
  readonly #dataBytes: number | undefined;
  readonly #memoryBytes: number | undefined;
  readonly #tasks: number | undefined;
  #rest = "";
  #use: MemoryProbe | undefined;
  /** Why it ended them, as the end of a sentence. */
  ended: { readonly how: string; readonly memory: boolean } | undefined;

  constructor(dataBytes: number | undefined, memoryBytes: number | undefined, tasks: number | undefined) {
    this.#dataBytes = dataBytes;
    this.#memoryBytes = memoryBytes;
    this.#tasks = tasks;
  }

  /** Characters that wait for the rest of their line. */
  get held(): number {
    return this.#rest.length;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!.slice(0, MOST_LINE);
    for (const line of lines) this.#line(line);
  }

  /** To be called while guests run. */
  look(): void {
    this.#use?.look();
  }

  /** Whether an end by this signal comes from the want of memory. */
  explains(signal: NodeJS.Signals | null): boolean {
    return this.#use?.explains(signal) === true;
  }

  #line(line: string): void {
    const [, what, digits] = /^(memory|tasks|data) (\d{1,15})$/.exec(line) ?? [];
    const number = Number(digits);
    if (what === "memory") this.ended ??= { how: `was ended for want of memory${this.#memory(number)}`, memory: true };
    if (what === "tasks" && this.#tasks !== undefined)
      this.ended ??= {
        how: `was ended because there were ${number} processes and threads of it, and there may be ${this.#tasks} (processes.tasks)`,
        memory: false,
      };
    if (what === "data" && this.#dataBytes !== undefined) this.#use = new MemoryProbe(number, this.#dataBytes);
  }

  /** Without a limit of its own it may have met one of a control group above, or the machine's. */
  #memory(held: number): string {
    if (this.#memoryBytes === undefined) return "";
    return `: with the processes that it started it held ${mebibytes(held)}, and may hold ${mebibytes(this.#memoryBytes)}, its engine included`;
  }
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

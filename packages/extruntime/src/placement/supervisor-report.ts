import { DataUse } from "./data-use.ts";

/** What a supervisor says of the processes that it answers for, line by line. Only the supervisor can write there. */
export class SupervisorReport {
  /** Bytes that `ulimit -d` allows each of them; undefined for no limit. */
  readonly #dataBytes: number | undefined;
  readonly #memoryBytes: number | undefined;
  readonly #tasks: number | undefined;
  #rest = "";
  #use: DataUse | undefined;
  /** Why it ended them, as the end of a sentence. */
  ended: { readonly how: string; readonly memory: boolean } | undefined;

  constructor(dataBytes: number | undefined, memoryBytes: number | undefined, tasks: number | undefined) {
    this.#dataBytes = dataBytes;
    this.#memoryBytes = memoryBytes;
    this.#tasks = tasks;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!.slice(-64);
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
    const [, what, digits] = /^(memory|tasks|data) (\d+)$/.exec(line) ?? [];
    const number = Number(digits);
    if (what === "memory")
      this.ended = {
        how: `was ended for want of memory: with the processes that it started it held ${mebibytes(number)}, and may hold ${mebibytes(this.#memoryBytes ?? 0)}, its engine included`,
        memory: true,
      };
    if (what === "tasks")
      this.ended = {
        how: `was ended because there were ${number} processes and threads of it, and there may be ${this.#tasks} (processes.tasks)`,
        memory: false,
      };
    if (what === "data" && this.#dataBytes !== undefined) this.#use = new DataUse(number, this.#dataBytes);
  }
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

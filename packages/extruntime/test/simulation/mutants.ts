import type { Change } from "./core.ts";

/** A mend that is taken out of the built core, and a seed whose schedule finds that. */
export interface Mutant {
  readonly what: string;
  readonly changes: readonly Change[];
  readonly seed: number;
}

const WORKER = "placement/placed-worker.js";

export const MUTANTS: readonly Mutant[] = [
  {
    what: "a worker that holds a single call is never relieved of it",
    changes: [
      { file: "placement/worker-pool.js", from: "worker.wantsRelief &&", to: "worker.stalled && worker.load > 1 &&" },
      { file: WORKER, from: "if (this.stalled && this.#silentLooks % ABANDONED_LOOKS === 0)", to: "if (false)" },
    ],
    seed: 5,
  },
  {
    what: "a worker whose thread no call holds is never ended",
    changes: [
      { file: WORKER, from: "if (this.stalled && this.#silentLooks % ABANDONED_LOOKS === 0)", to: "if (false)" },
    ],
    seed: 5,
  },
  {
    what: "the journal of a process is read before the answers that it sent earlier have come",
    changes: [
      { file: "placement/journal.js", from: "if (batch !== ((this.#start + received) | 0))", to: "if (false)" },
    ],
    seed: 1,
  },
  {
    what: "a call that is handed back goes to the front of the queue",
    changes: [
      {
        file: "wait-queue.js",
        from: "while (next !== undefined && next.arrival < entry.arrival)",
        to: "while (false)",
      },
    ],
    seed: 2,
  },
  {
    what: "calls without a key stay where their worker is held up",
    changes: [
      {
        file: WORKER,
        from: "back.push(unsent.call);",
        to: "{ this.#waiting.push(unsent); break; }",
      },
    ],
    seed: 10,
  },
  {
    what: "a deadline is as early as a timer of Node",
    changes: [{ file: "deadline-timer.js", from: "if (left > 0)", to: "if (false)" }],
    seed: 1,
  },
  {
    what: "a call that leaves the queue keeps its signal",
    changes: [{ file: "pending-call.js", from: "this.#unwatch?.();", to: "" }],
    seed: 3,
  },
  {
    what: "a call that has ended keeps its timer",
    changes: [{ file: "pending-call.js", from: "this.#timer?.stop();", to: "" }],
    seed: 1,
  },
  {
    what: "an instance's room is not given back where it fails to be made",
    changes: [
      { file: "instance-budget.js", from: "this.#total--;", to: "if (left > 0 || this.#live.size > 0) this.#total--;" },
    ],
    seed: 1,
  },
];

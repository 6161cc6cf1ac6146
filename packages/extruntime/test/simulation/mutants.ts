import type { Change } from "./core.ts";

/** A mend that is taken out of the built core. */
export interface Mutant {
  readonly what: string;
  readonly changes: readonly Change[];
}

const WORKER = "placement/host/placed-worker.js";
const UNSENT = "placement/host/calls/unsent-calls.js";

export const MUTANTS: readonly Mutant[] = [
  {
    what: "a key that is free goes to a call that was aborted while it waited for one, and to no other",
    changes: [
      { file: UNSENT, from: "this.#waiting.remove(call.unsent);", to: ";" },
      {
        file: UNSENT,
        from: "this.#waiting.remove(first);",
        to: "this.#waiting.remove(first); if (first.call.settled) { this.#held.returnKey(key); return; }",
      },
    ],
  },
  {
    what: "a worker that holds a single call is never relieved of it",
    changes: [
      {
        file: "placement/host/worker-pool.js",
        from: "worker.wantsRelief &&",
        to: "worker.stalled && worker.load > 1 &&",
      },
      { file: WORKER, from: "if (this.stalled && this.#silence.isToBeAsked)", to: "if (false)" },
    ],
  },
  {
    what: "a worker whose thread no call holds is never ended",
    changes: [{ file: WORKER, from: "if (this.stalled && this.#silence.isToBeAsked)", to: "if (false)" }],
  },
  {
    what: "the journal of a process is read before the answers that it sent earlier have come",
    changes: [
      { file: "placement/process/journal.js", from: "if (batch !== ((this.#start + received) | 0))", to: "if (false)" },
    ],
  },
  {
    what: "a call that is handed back goes to the front of the queue",
    changes: [
      {
        file: "call/pool/wait-queue.js",
        from: "while (next !== undefined && next.arrival < entry.arrival)",
        to: "while (false)",
      },
    ],
  },
  {
    what: "calls without a key stay where their worker is held up",
    changes: [
      {
        file: UNSENT,
        from: "taken.push(unsent.call);\n        return taken;",
        to: "{ this.#waiting.push(unsent); break; }\n        return taken;",
      },
    ],
  },
  {
    what: "a synchronous caller is told of a program that was handed back as of a failed engine",
    changes: [
      {
        file: "placement/host/placed-program.js",
        from: "call?.error !== undefined && call.error !== NOT_STARTED",
        to: "call?.error !== undefined",
      },
    ],
  },
  {
    what: "a deadline is as early as a timer of Node",
    changes: [{ file: "kit/deadline-timer.js", from: "if (left > 0)", to: "if (false)" }],
  },
  {
    what: "a call that leaves the queue keeps its signal",
    changes: [{ file: "call/pending-call.js", from: "this.#unwatch?.();", to: "" }],
  },
  {
    what: "a call that has ended keeps its timer",
    changes: [{ file: "call/pending-call.js", from: "this.#timer?.stop();", to: "" }],
  },
  {
    what: "an instance's room is not given back where it fails to be made",
    changes: [
      {
        file: "contract/instance-budget.js",
        from: "this.#total--;",
        to: "if (left > 0 || this.#live.size > 0) this.#total--;",
      },
    ],
  },
];

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
    what: "a call that has ended is given the key that a live one waits for",
    changes: [
      { file: WORKER, from: "this.#waiting.remove(call.unsent);", to: ";" },
      {
        file: WORKER,
        from: "this.#waiting.shift()?.send();",
        to: "{ const unsent = this.#waiting.shift(); if (unsent?.call.settled === false) unsent.send(); }",
      },
    ],
    seed: 0,
  },
  {
    what: "a worker that holds a single call is never relieved of it",
    changes: [
      { file: "placement/worker-pool.js", from: "worker.wantsRelief &&", to: "worker.stalled && worker.load > 1 &&" },
      { file: WORKER, from: "if (this.stalled && this.#silentLooks % ABANDONED_LOOKS === 0)", to: "if (false)" },
    ],
    seed: 0,
  },
  {
    what: "a worker whose thread no call holds is never ended",
    changes: [
      { file: WORKER, from: "if (this.stalled && this.#silentLooks % ABANDONED_LOOKS === 0)", to: "if (false)" },
    ],
    seed: 0,
  },
  {
    what: "the journal of a process is read before the answers that it sent earlier have come",
    changes: [
      { file: "placement/journal.js", from: "if (batch !== ((this.#start + received) | 0))", to: "if (false)" },
    ],
    seed: 0,
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
    seed: 0,
  },
  {
    what: "a new call is sent ahead of those that wait",
    changes: [{ file: "pool.js", from: "if (this.#waiting.length > 0)\n            return undefined;", to: "" }],
    seed: 0,
  },
  {
    what: "a call without a key is sent while others are taken back",
    changes: [{ file: WORKER, from: "if (!this.takingBack)", to: "if (true)" }],
    seed: 0,
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
    seed: 0,
  },
  {
    what: "a deadline is as early as a timer of Node",
    changes: [{ file: "deadline-timer.js", from: "if (left > 0)", to: "if (false)" }],
    seed: 0,
  },
  {
    what: "an instance that could not be made fails a call that came after the attempt began",
    changes: [{ file: "pool.js", from: "first.arrival <= begun", to: "true" }],
    seed: 0,
  },
  {
    what: "a module that aborts its calls stops some before their callers are told",
    changes: [
      {
        file: "module.js",
        from: "call.giveUp(this.#abortedError(call.fn)));",
        to: "call.giveUp(this.#abortedError(call.fn)) && (call.stop(), true));",
      },
    ],
    seed: 0,
  },
  {
    what: "a process that ended is asked nothing about the calls that it had begun",
    changes: [{ file: WORKER, from: "(unstarted[index] === true && !call.later)", to: "!call.later" }],
    seed: 0,
  },
  {
    what: "calls are sent to an instance while others of it are taken back",
    changes: [{ file: "placement/placed-instance.js", from: "this.#worker.takingBack ||", to: "" }],
    seed: 0,
  },
  {
    what: "a call that leaves the queue keeps its signal",
    changes: [{ file: "pending-call.js", from: "this.#unwatch?.();", to: "" }],
    seed: 0,
  },
  {
    what: "a call that has ended keeps its timer",
    changes: [{ file: "pending-call.js", from: "this.#timer?.stop();", to: "" }],
    seed: 0,
  },
  {
    what: "an instance's room is not given back where it fails to be made",
    changes: [
      { file: "instance-budget.js", from: "this.#total--;", to: "if (left > 0 || this.#live.size > 0) this.#total--;" },
    ],
    seed: 0,
  },
];

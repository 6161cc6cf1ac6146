import { endianness } from "node:os";
import type { ProcessorUse } from "../wire/processor-use.ts";
import { type Body, KIND } from "../wire/protocol.ts";

/** Milliseconds in which the watchdog must answer, which does nothing else: past it the process is stopped, or beyond help. */
const SILENT_MS = 5000;
const LITTLE_ENDIAN = endianness() === "LE";

type Answered = (withdrawn: readonly boolean[], use: ProcessorUse) => void;

/** What the host has asked the watchdog of a process and has no answer to: which calls it keeps from starting, and what the guests' thread had of the processors. */
export class WatchdogQuestions {
  readonly #open = new Map<number, Question>();
  readonly #silent: (question: number) => void;
  #asked = 0;

  /** @param silent is told of a question that was not answered in time. */
  constructor(silent: (question: number) => void) {
    this.#silent = silent;
  }

  /** Returns the number of the question. */
  add(keys: number, answer: Answered): number {
    const question = ++this.#asked;
    const timer = setTimeout(() => this.#silent(question), SILENT_MS).unref();
    this.#open.set(question, { keys, answer, timer });
    return question;
  }

  has(question: number): boolean {
    return this.#open.has(question);
  }

  /** Takes a frame of the watchdog's, where a guest may write, too. `false` where it answers no question. */
  take(kind: number, question: number, body: Body): boolean {
    const asked = this.#open.get(question);
    const said = kind === KIND.withdrawn ? readAnswer(body, asked?.keys) : undefined;
    if (asked === undefined || said === undefined) return false;
    clearTimeout(asked.timer);
    this.#open.delete(question);
    asked.answer(said.withdrawn, said.use);
    return true;
  }

  close(): void {
    for (const { timer } of this.#open.values()) clearTimeout(timer);
    this.#open.clear();
  }
}

interface Answer {
  readonly withdrawn: readonly boolean[];
  readonly use: ProcessorUse;
}

interface Question {
  /** How many keys it names. */
  readonly keys: number;
  readonly answer: Answered;
  readonly timer: NodeJS.Timeout;
}

/** `undefined` where it does not say yes or no to each of so many keys, and what the thread had of the processors. */
function readAnswer(body: Body, keys: number | undefined): Answer | undefined {
  if (keys === undefined || typeof body === "string" || body.byteLength !== (keys + 2) * 4) return undefined;
  const words = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const said = Array.from({ length: keys }, (_, index) => words.getInt32(index * 4, LITTLE_ENDIAN));
  if (said.some((word) => word !== 0 && word !== 1)) return undefined;
  const [ranMs, waitedMs] = [words.getInt32(keys * 4, LITTLE_ENDIAN), words.getInt32(keys * 4 + 4, LITTLE_ENDIAN)];
  return { withdrawn: said.map((word) => word === 1), use: { ranMs, waitedMs: waitedMs < 0 ? undefined : waitedMs } };
}

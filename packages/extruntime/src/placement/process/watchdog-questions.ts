import { endianness } from "node:os";
import { type ProcessorUse, READY } from "../wire/processor-use.ts";
import { type Body, KIND } from "../wire/protocol.ts";

/** Milliseconds in which the watchdog must answer, which does nothing else: past it the process is stopped, is beyond help or lacks a processor. */
const SILENT_MS = 5000;
/** The same where the process is known not to be stopped. */
const MOST_SILENT_MS = 60_000;
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
    this.#open.set(question, { keys, answer, since: performance.now(), timer: this.#timer(question) });
    return question;
  }

  /** Gives it as long once more. `false` where that is too long already. */
  waitOn(question: number): boolean {
    const asked = this.#open.get(question);
    if (asked === undefined || performance.now() - asked.since >= MOST_SILENT_MS) return false;
    asked.timer = this.#timer(question);
    return true;
  }

  #timer(question: number): NodeJS.Timeout {
    return setTimeout(() => this.#silent(question), SILENT_MS).unref();
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
  /** On the clock of `performance.now()`. */
  readonly since: number;
  timer: NodeJS.Timeout;
}

/** `undefined` where it does not say yes or no to each of so many keys, and what the thread had of the processors. */
function readAnswer(body: Body, keys: number | undefined): Answer | undefined {
  if (keys === undefined || typeof body === "string" || body.byteLength !== (keys + 3) * 4) return undefined;
  const words = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const said = Array.from({ length: keys }, (_, index) => words.getInt32(index * 4, LITTLE_ENDIAN));
  if (said.some((word) => word !== 0 && word !== 1)) return undefined;
  const [ranMs, waitedMs, ready] = [0, 1, 2].map((word) => words.getInt32((keys + word) * 4, LITTLE_ENDIAN));
  const use = { ranMs: ranMs!, waitedMs: waitedMs! < 0 ? undefined : waitedMs, ready: READY[ready!] ?? "none" };
  return { withdrawn: said.map((word) => word === 1), use };
}

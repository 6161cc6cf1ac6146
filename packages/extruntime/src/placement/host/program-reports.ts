import { type Call, UNLIMITED } from "../../contract/engine.ts";
import type { Link } from "../wire/link.ts";
import { FLAG, KIND, LOG_LEVELS, nextLine } from "../wire/protocol.ts";
import { shown } from "../wire/shown.ts";
import type { HeldCalls } from "./calls/held-calls.ts";
import type { WorkerKeeper } from "./worker-keeper.ts";

/** Of which worker the reports are. */
export interface Reporting {
  readonly dead: boolean;
  /** Callers block this thread until it answers. */
  readonly blocksHost: boolean;
  /** Programs that it was sent, until it has closed them. */
  readonly served: Set<number>;
  /** Ends it for what it did. */
  giveUp(how: string): void;
}

/** What a worker says of its programs: lines of output, calls of host functions, closes. Each method returns what is wrong with a frame that a worker could send, but not this one, or not now. */
export class ProgramReports {
  readonly #worker: Reporting;
  readonly #keeper: WorkerKeeper;
  readonly #link: Link;
  readonly #calls: HeldCalls;
  /** Number of the last line of output. */
  #line = 0;

  constructor(worker: Reporting, keeper: WorkerKeeper, link: Link, calls: HeldCalls) {
    this.#calls = calls;
    this.#worker = worker;
    this.#keeper = keeper;
    this.#link = link;
  }

  isNextLine(line: number): boolean {
    return line === nextLine(this.#line);
  }

  /** Some come twice, from a journal and through a pipe; after a worker's end some may be missing between the two. */
  line(level: number, line: number, program: number, callKey: number, text: string): string | undefined {
    const ahead = (line - this.#line + 0x7fff_ffff) % 0x7fff_ffff;
    if (ahead === 0 || ahead > 0x4000_0000) return undefined;
    if (!this.#worker.served.has(program)) return ofOther("a line", program);
    if (ahead > 1) {
      if (!this.#worker.dead) return `line ${line} after line ${this.#line}`;
      this.#keeper.log(program, "warn", dropped(ahead - 1), undefined);
    }
    this.#line = line;
    this.#keeper.log(program, LOG_LEVELS[level]!, text, this.#callOf(program, callKey));
    return undefined;
  }

  /** A guest that blocks its thread, while this one waits for the worker, would wait for a promise for ever. A dead worker's call is not run: it may have been. */
  hostCall(
    flags: number,
    index: number,
    key: number,
    program: number,
    callKey: number,
    payload: string,
  ): string | undefined {
    if (this.#worker.dead) return undefined;
    if (!this.#worker.served.has(program)) return ofOther("a host call", program);
    const now = this.#worker.blocksHost && (flags & FLAG.sync) !== 0;
    const answer = this.#keeper.hostCall(program, index, payload, this.#caller(program, callKey), now);
    if (answer === undefined) return `a call of host function ${index}, which the extension was not granted`;
    if (typeof answer === "string") this.#answer(key, program, answer);
    else answer.then((text) => this.#answer(key, program, text)).catch((error) => this.#cannotAnswer(error));
    return undefined;
  }

  /** For which call a guest asks; a top level asks for none. */
  #caller(program: number, key: number): Call | undefined {
    return key === 0 ? UNLIMITED : this.#callOf(program, key);
  }

  /** A call of the guest's own program that runs here; of these, it is the worker's word. */
  #callOf(program: number, key: number): Call | undefined {
    const call = this.#calls.find(key);
    return call !== undefined && !call.settled && call.guest?.program === program ? call.limits : undefined;
  }

  closed(program: number): string | undefined {
    if (!this.#worker.served.delete(program)) return ofOther("the close", program);
    this.#keeper.closed(program);
    return undefined;
  }

  #answer(key: number, program: number, answer: string): void {
    if (this.#worker.dead) return;
    this.#link.send(KIND.hostAnswer, 0, 0, key, program, 0, answer);
    if (this.#worker.blocksHost) this.#link.flush();
    else this.#link.flushSoon();
  }

  #cannotAnswer(error: unknown): void {
    this.#worker.giveUp(`was ended, since it could not be sent an answer: ${shown(error)}`);
  }
}

function ofOther(what: string, program: number): string {
  return `${what} of program ${program}, which is not its own`;
}

function dropped(lines: number): string {
  return lines === 1 ? "1 line of output was dropped" : `${lines} lines of output were dropped`;
}

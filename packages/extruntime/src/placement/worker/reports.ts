import { NOT_STARTED } from "../../contract/engine.ts";
import type { LogLevel } from "../../contract/runtime.ts";
import { ExtensionError } from "../../errors.ts";
import { errorToJson } from "../wire/error.ts";
import { type Body, FLAG, KIND, LOG_LEVELS, nextLine } from "../wire/protocol.ts";
import type { AgentLink } from "./agent-link.ts";

/** What an agent tells its host. */
export class Reports {
  readonly #link: AgentLink;
  /** Frames that the host was not told of. */
  #unsent = 0;
  /** Number of the last line of output. */
  #line = 0;

  constructor(link: AgentLink) {
    this.#link = link;
  }

  get empty(): boolean {
    return this.#unsent === 0;
  }

  flush(): void {
    if (this.#unsent === 0) return;
    this.#unsent = 0;
    this.#link.flush();
  }

  /** `false` where the host has taken the call back, or given it up. */
  begin(key: number): boolean {
    const may = this.#link.states.start(key);
    if (may) this.#link.begins(key);
    else this.skip(key, 0);
    return may;
  }

  skip(key: number, flags: number): void {
    this.#send(KIND.skipped, flags, key, 0, "");
  }

  later(key: number): void {
    this.#link.states.goOn(key);
    this.#send(KIND.later, 0, key, 0, "");
  }

  done(key: number, text: string, flags: number, took = 0): void {
    this.#send(KIND.done, flags, key, took, text);
  }

  failed(key: number, error: unknown, flags: number): void {
    if (error === NOT_STARTED) {
      this.skip(key, flags);
      return;
    }
    const fault = ExtensionError.is(error) ? 0 : FLAG.broken;
    this.#send(KIND.failed, flags | fault, key, 0, errorToJson(error));
  }

  /** The engine is there. */
  ready(): void {
    this.#send(KIND.ready, 0, 0, 0, "");
  }

  /** There is none: the worker ends. */
  notReady(error: unknown): void {
    this.#send(KIND.failed, 0, 0, 0, errorToJson(error));
  }

  /** Nothing comes of the program any more. */
  closed(program: number): void {
    this.#link.send(KIND.closed, 0, 0, 0, program, 0, "");
    this.#unsent++;
  }

  /** A guest calls a host function. `now`: it waits with its thread, which flushes. */
  asks(key: number, index: number, program: number, payload: string, call: number, now: boolean): void {
    this.#link.send(KIND.hostCall, now ? FLAG.sync : 0, index, key, program, call, payload);
    this.#unsent++;
    if (!now) this.#link.flushSoon();
  }

  /** @param call key of the call that it is of, 0 where that is not known. */
  log(program: number, level: LogLevel, message: string, call: number): void {
    this.#line = nextLine(this.#line);
    this.#link.send(KIND.log, 0, Math.max(0, LOG_LEVELS.indexOf(level)), this.#line, program, call, message);
    this.#link.noteLines();
    this.#unsent++;
    this.#link.flushSoon();
  }

  #send(kind: number, flags: number, key: number, time: number, body: Body): void {
    this.#link.send(kind, flags, 0, key, 0, time, body);
    this.#unsent++;
  }
}

import { type Bounds, hostCallsTakeTooMuch, hostCallTooLong, hostFailure, type LogLevel } from "extruntime/engine";
import { withoutDispatcher } from "../guest-javascript/index.ts";
import type { LinearMemory } from "../linear-memory.ts";
import { lostMemory, outOfMemory } from "./outcome.ts";
import type { Handle } from "./vm-options.ts";

/** Numbers of the functions of the host's that our code in the guest's context calls. */
export const REQUEST = { log: 1, ask: 2 } as const;

/** Takes what a guest asks of host functions. */
export interface HostCallTaker {
  /** Characters of the arguments whose calls have no answer yet. */
  readonly waiting: number;
  /**
   * The answer, or `undefined` where it comes later: `keep` then returns the guest's function for it, which takes the
   * answer as its text and is the taker's to release.
   */
  asked(name: string, payload: string, keep: () => Handle): string | undefined;
}

/** The answer to a guest that asks while it loads. */
const NO_CALL = hostFailure(
  "UnsupportedError",
  "host functions can be called while an exported function runs, and not while the extension loads",
);

/** No host function has a name as long as this. */
const MOST_NAME_BYTES = 65_536;
const NAME_TOO_LONG = hostFailure("PermissionError", "the host function is not granted: its name is too long for any");
/** The guest's console cuts its lines itself. */
const NO_BOUND = Number.POSITIVE_INFINITY;

export interface RequestOptions {
  readonly bounds: Bounds;
  log(level: LogLevel, message: string): void;
}

/** What a guest asks of the host while it runs: to take a line of its console, or to call a host function. */
export class GuestRequests {
  /** There while an exported function runs, or waits. */
  taker: HostCallTaker | undefined;
  readonly #memory: LinearMemory;
  readonly #context: number;
  readonly #options: RequestOptions;
  readonly #newText: (text: string) => Handle;

  constructor(memory: LinearMemory, context: number, options: RequestOptions, newText: (text: string) => Handle) {
    this.#memory = memory;
    this.#context = context;
    this.#options = options;
    this.#newText = newText;
  }

  /** Returns a value for QuickJS to free, or 0 for `undefined`. */
  handle(fn: number, argv: number): Handle {
    try {
      return this.#callOut(fn, argv);
    } catch (error) {
      // It leaves QuickJS's frames on the memory's own stack for good.
      this.#memory.dead = true;
      throw error;
    }
  }

  /** May run any code of the host's, other guests in this very memory included. */
  #callOut(fn: number, argv: number): Handle {
    const memory = this.#memory;
    const { exhausted } = memory;
    memory.calledOut++;
    const answer = fn === REQUEST.ask ? this.#ask(argv) : this.#log(argv);
    memory.calledOut--;
    // No frame in it may go on then.
    if (memory.dead) throw lostMemory();
    memory.exhausted ||= exhausted;
    return answer === undefined ? 0 : this.#newText(answer);
  }

  #log(argv: number): undefined {
    const [level, message] = [this.#argument(argv, 0, NO_BOUND), this.#argument(argv, 1, NO_BOUND)];
    if (level && message)
      this.#options.log(level as LogLevel, withoutDispatcher(JSON.parse(message as string) as string));
  }

  #ask(argv: number): string | undefined {
    const { bounds } = this.#options;
    const asked = this.#argument(argv, 0, MOST_NAME_BYTES);
    if (asked === undefined) throw outOfMemory();
    if (this.taker === undefined) return NO_CALL;
    if (typeof asked === "number") return NAME_TOO_LONG;
    const characters = Number.parseInt(asked, 10);
    const called = JSON.parse(asked.slice(asked.indexOf('"'))) as string;
    // Before it is copied: a guest may ask again and again. It has as many bytes at the least.
    if (characters > bounds.hostCallBytes) return hostCallTooLong(called, characters, bounds);
    const { waiting } = this.taker;
    if (waiting + characters > bounds.waitingBytes) return hostCallsTakeTooMuch(called, waiting, characters, bounds);
    const payload = this.#argument(argv, 1, bounds.hostCallBytes);
    if (payload === undefined) throw outOfMemory();
    if (typeof payload === "number") return hostCallTooLong(called, payload, bounds);
    return this.taker.asked(called, payload, () => this.#keep(argv, 2));
  }

  /** The text of an argument, or its bytes where it has more than `most`, or `undefined` where there is no room for it. */
  #argument(argv: number, index: number, most: number): string | number | undefined {
    const { exports } = this.#memory;
    const value = exports.QTS_ArgvGetJSValueConstPointer(argv, index);
    const pointer = exports.QTS_GetString(this.#context, value);
    if (pointer === 0) return undefined;
    const text = this.#memory.textUpTo(pointer, most);
    exports.QTS_FreeCString(this.#context, pointer);
    return text;
  }

  #keep(argv: number, index: number): Handle {
    const { exports } = this.#memory;
    const handle = exports.QTS_DupValuePointer(this.#context, exports.QTS_ArgvGetJSValueConstPointer(argv, index));
    if (handle === 0) throw outOfMemory();
    return handle;
  }
}

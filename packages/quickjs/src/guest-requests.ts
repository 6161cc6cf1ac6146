import type { LogLevel } from "extruntime/engine";
import { hostFailure } from "./host-object.ts";
import type { LinearMemory } from "./linear-memory.ts";
import { lostMemory, outOfMemory, withoutDispatcher } from "./outcome.ts";
import type { Handle } from "./vm.ts";

/** Numbers of the functions of the host's that our code in the guest's context calls. */
export const REQUEST = { log: 1, ask: 2 } as const;

/** Takes what a guest asks of host functions. */
export interface HostCallTaker {
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

/** What a guest asks of the host while it runs: to take a line of its console, or to call a host function. */
export class GuestRequests {
  /** There while an exported function runs, or waits. */
  taker: HostCallTaker | undefined;
  readonly #memory: LinearMemory;
  readonly #context: number;
  readonly #write: (level: LogLevel, message: string) => void;
  readonly #newText: (text: string) => Handle;

  constructor(
    memory: LinearMemory,
    context: number,
    write: (level: LogLevel, message: string) => void,
    newText: (text: string) => Handle,
  ) {
    this.#memory = memory;
    this.#context = context;
    this.#write = write;
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
    const [level, message] = [this.#argument(argv, 0), this.#argument(argv, 1)];
    if (level && message) this.#write(level as LogLevel, withoutDispatcher(JSON.parse(message) as string));
  }

  #ask(argv: number): string | undefined {
    const [name, payload] = [this.#argument(argv, 0), this.#argument(argv, 1)];
    if (name === undefined || payload === undefined) throw outOfMemory();
    if (this.taker === undefined) return NO_CALL;
    return this.taker.asked(JSON.parse(name) as string, payload, () => this.#keep(argv, 2));
  }

  /** The text of an argument, or `undefined` where there is no room for it. */
  #argument(argv: number, index: number): string | undefined {
    const { exports } = this.#memory;
    const value = exports.QTS_ArgvGetJSValueConstPointer(argv, index);
    const pointer = exports.QTS_GetString(this.#context, value);
    if (pointer === 0) return undefined;
    const text = this.#memory.text(pointer);
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

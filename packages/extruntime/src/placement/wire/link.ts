import type { ExtensionError } from "../../errors.ts";
import type { ProcessorUse } from "./processor-use.ts";
import type { Body, FrameSink } from "./protocol.ts";

/** How a worker ended. */
export interface Death {
  /** What happened, as the end of a sentence that begins with "its thread" or "its process". */
  readonly how: string;
  /** It ran out of memory. */
  readonly memory: boolean;
  /** It sent what cannot be: nothing that it says of its calls counts any more. */
  readonly fault?: boolean;
  readonly cause?: unknown;
}

/** As {@link Death.how}. */
export function sentWrong(fault: string): string {
  return `was ended, since it sent what cannot be: ${fault}`;
}

export interface LinkEvents extends FrameSink {
  /** A frame that will come again by the ordinary way, unless the worker ends before. It may be one that came already, or none at all. */
  early: FrameSink["frame"];
  /** A call that was sent has begun, as far as is known before its answer. May be told more than once, and of calls that there are not. */
  began(key: number): void;
  /** The worker has ended, or is given up. Called once; no frame comes later. */
  ended(death: Death): void;
}

/** The host's end of the way to one worker. */
export interface Link {
  /** Takes a frame, to be sent by `flush` or in this turn of the event loop by `flushSoon`, with all the others. */
  send(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void;
  /** A program is sent whose frames may have so many bytes. A thread is not bounded: its frames are this process's own memory. */
  allow?(mostBytes: number): void;
  flushSoon(): void;
  /** The same at once, for when this thread is blocked. */
  flush(): void;
  /** Keeps calls from starting. Answers, now or later, which of them will not start any more; never after the worker's end. */
  withdraw(keys: readonly number[], answer: (withdrawn: readonly boolean[]) => void): void;
  /** What the thread that runs its guests has had of the processors. Answers now or later; never after the worker's end. */
  use(answer: (use: ProcessorUse) => void): void;
  /** Marks a call as one that is to stop, for the engine to see wherever it is. */
  abort(key: number): void;
  /** After `kill` or the end: which of these calls never started. */
  takeUnstarted(keys: readonly number[]): boolean[];
  /** Bytes of frames that were to be sent so far, and those that the worker has taken: one that reads is not held up, though it says nothing. */
  readonly given: number;
  readonly taken: number;
  /** Handles what has come and was not announced yet. */
  poll(): void;
  /** Ends the worker at once. `ended` is called when what it had answered has been handled. */
  kill(how: string): void;
  /** Ends the worker at once for what it did, and calls `ended` before it returns. Nothing that comes from it is looked at any more. */
  giveUp(how: string): void;
  /** When nothing of the worker is left: no thread, process or file descriptor. */
  readonly gone: Promise<void>;
  /** An engine that could not be made there, with what the place may have to do with it. */
  explain?(error: ExtensionError): ExtensionError;
  /** Whether the worker keeps this process running. */
  hold(held: boolean): void;
  /** Flushes, and blocks this thread until `done` or the deadline. Only for workers in threads. */
  waitFor?(done: () => boolean, deadline: number): void;
}

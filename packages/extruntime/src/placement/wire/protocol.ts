import type { Bounds } from "../../contract/bounds.ts";

/**
 * The wire protocol between a host and its workers, the same for threads and processes: frames of a header and a body.
 *
 * A header is five 32-bit words in the machine's byte order, since both ends are on one machine:
 *
 *     0  length of the frame in bytes, header included; the next frame begins at the next multiple of four
 *     1  kind | flags << 8 | number << 16
 *     2  key of the call concerned
 *     3  target: id of an instance or program
 *     4  time in whole units that the kind names
 *
 * A body is text, or bytes. Payloads go as they are; what has parts of its own (an extension, an error) is one JSON text.
 */

/** Both ends must have the same one. It goes up with every change of this folder that the other end would notice. */
export const PROTOCOL_VERSION = 8;

export const HEADER_BYTES = 20;

/** What a frame says. Those below 16 go to the worker, the others come from it. */
export const KIND = {
  /** Body: JSON of {@link StartMessage}. */
  start: 1,
  /** A file of the extension that the next `compile` of `target` brings. Body: bytes. */
  file: 2,
  /** Body: JSON of {@link CompileMessage}; target: the program's new id. */
  compile: 3,
  /** Target: the program; number: unused; body: the instance's new id in decimal; time: milliseconds left. */
  instantiate: 4,
  /** Target: the instance; number: index into `exports`; time: milliseconds left; body: the payload. */
  call: 5,
  /** The call `key` is to stop. */
  abort: 6,
  closeInstance: 7,
  closeProgram: 8,
  /** To the watchdog of a process. Key: a number for the answer; body: the keys, 32 bits each, of calls that must not start any more. */
  withdraw: 9,
  /** Answer to the host call `key`. Body: as `HostCalls` has it. */
  hostAnswer: 10,
  /** The engine is there. */
  ready: 16,
  /** Answer to `key`; time: microseconds that calls of its program take, now and then, else 0. */
  done: 17,
  /** Failure of `key`. Body: JSON of an error. */
  failed: 18,
  /** The call `key` did not start: it was withdrawn, or its instance is broken. */
  skipped: 19,
  /** The call `key` is asynchronous: it runs while the worker serves others. */
  later: 20,
  /** A line of guest output. Target: the program; number: index into {@link LOG_LEVELS}; key: {@link nextLine} of the worker's line before it; time: key of the call that it is of, 0 where that is not known. */
  log: 21,
  /** Answer to `withdraw`. Body: 32 bits for each key: 1 where the call will not start, 0 where it has; then as many each for the milliseconds that the thread of the guests ran, and waited for a processor, -1 where that cannot be told. */
  withdrawn: 22,
  /** A guest calls a host function. Target: the program; number: index into the manifest's `permissions`; key: a number for the answer; time: key of the call for which it does, 0 for a top level; body: the payload. */
  hostCall: 23,
  /** The call `key` begins; 0 where none does, and only what came before is noted. For the journal of a process: target: number of the batch; time: where the piece of it that ends here begins. */
  began: 24,
  /** The program `target` is closed there: nothing of it comes any more. */
  closed: 25,
} as const;

export const FLAG = {
  /** The body is UTF-16: text with lone surrogates, which UTF-8 cannot carry. */
  utf16: 1,
  /** The body is bytes. */
  bytes: 2,
  /** The body did not fit and goes beside the frames. */
  aside: 4,
  /** The instance must not serve another call. */
  broken: 8,
  /** The caller, or the guest that calls the host, waits on its thread: the answer must not be a promise there. */
  sync: 16,
  /** The call has an abort signal. */
  signal: 32,
  /** The body is UTF-8 of ASCII characters alone. */
  ascii: 64,
  /** The answer to this call, and those that wait to be sent with it, go to the host at once. */
  prompt: 128,
} as const;

/** `time` of a call without a deadline. */
export const NO_DEADLINE = -1;

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** Lines of a worker are numbered from 1 on, since some come by more than one way. After the greatest 31-bit number comes 1. */
export function nextLine(line: number): number {
  return line === 0x7fff_ffff ? 1 : line + 1;
}

export type Body = string | Uint8Array;

/** Takes frames as they are read. */
export interface FrameSink {
  frame(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void;
}

export interface StartMessage {
  readonly version: number;
  readonly engine: { readonly module: string; readonly export: string; readonly options?: unknown };
  /** The host's `PATH`, for an engine that looks for a program when it is made. Guests do not see it. */
  readonly path: string | undefined;
}

export interface CompileMessage {
  /** As `Manifest`. */
  readonly manifest: unknown;
  readonly location: string;
  readonly dir: string | undefined;
  readonly memoryBytes: number | undefined;
  /** The worker is limited in memory: an allocation that failed is its limit. */
  readonly limited: boolean;
  readonly maxInstances: number;
  /** As `CompileContext.deadlines`. */
  readonly deadlines: boolean | undefined;
  /** As `CompileContext.config`. */
  readonly config: string | undefined;
  /** As `CompileContext.fresh`. */
  readonly fresh: boolean | undefined;
  readonly bounds: Bounds;
  /** Paths of the files that came before, in their order. */
  readonly files: readonly string[];
}

/** Milliseconds until a deadline for `time`, rounded up: the host's own timer is the exact one. */
export function timeLeft(deadline: number): number {
  if (deadline === Number.POSITIVE_INFINITY) return NO_DEADLINE;
  return Math.min(2 ** 31 - 1, Math.max(0, Math.ceil(deadline - performance.now())));
}

import {
  type Call,
  ExtensionError,
  type ExtensionErrorCode,
  errorDetails,
  type GuestErrorDetails,
  guestError,
  type HostCalls,
  type LogLevel,
  notGranted,
} from "extruntime/engine";
import { type Addon, loadAddon } from "./addon.ts";
import { CodeCache } from "./code-cache.ts";
import { Poller } from "./poller.ts";

/** Milliseconds from one load to another after which a spare interpreter has rested. */
const RESTED = 20;

/** Milliseconds from a load to the making of a spare interpreter. */
const SPARE_AFTER = 5;

const NOTHING: readonly string[] = [];

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** What is told of something that ends later. */
export interface Receiver {
  succeed(value: never): void;
  fail(error: unknown): void;
}

/** What a copy of a program says on its own account. */
export interface Guest {
  /** `ofCall`: the thread that printed it runs a call, the first that has no answer. */
  print(level: LogLevel, text: string, ofCall: boolean): void;
  /** What it may call. */
  readonly host: HostCalls | undefined;
  /** For which call it asks. */
  caller(): Call | undefined;
  /** The same, of a call for which this thread waits. */
  callerHere(): Call | undefined;
  /** A host function keeps it waiting, and the calls behind. */
  waits(): void;
}

/**
 * The addon as promises: it hands out the tokens, and settles what the addon brings back. One per thread of Node.
 */
export class Bridge {
  static #current: Bridge | undefined;
  readonly addon: Addon;
  readonly poller: Poller;
  /** By token; the tokens that are free are in `#free`. */
  readonly #receivers: (Receiver | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #codes = new CodeCache();
  #spareTimer: NodeJS.Timeout | undefined;
  #roused = Number.NEGATIVE_INFINITY;
  readonly #guests = new Map<number, Guest>();

  private constructor(addon: Addon) {
    this.addon = addon;
    this.poller = new Poller(addon);
    addon.attach(
      (...batch) => this.#settle(batch),
      (program, level, text, ofCall) => this.#guests.get(program)?.print(LEVELS[level] ?? "info", text, ofCall),
      failure,
      (program, id, name, payload) => this.#ask(program, id, name, payload),
      (program, _id, name, payload) => {
        const guest = this.#guests.get(program);
        return guest?.host?.callNow(name, payload, guest.callerHere()) ?? notGranted(name, NOTHING);
      },
    );
  }

  /** @throws ExtensionError `ERR_EXT_UNSUPPORTED` where there is no addon for this platform. */
  static get(): Bridge {
    Bridge.#current ??= new Bridge(loadAddon());
    return Bridge.#current;
  }

  /** Starts something of the addon that ends later. What `begin` throws is the rejection. */
  ask<Result>(begin: (token: number) => void): Promise<Result> {
    return new Promise<Result>((succeed, fail) => {
      const token = this.begin({ succeed, fail });
      try {
        begin(token);
      } catch (error) {
        this.release(token);
        fail(error);
      }
    });
  }

  /** Marshalled code of a program's source. @throws ExtensionError `ERR_EXT_GUEST` where it is no Python. */
  async compile(source: Uint8Array, filename: string): Promise<Uint8Array> {
    const known = this.#codes.get(filename, source);
    if (known !== undefined) return known;
    const code = await this.ask<Uint8Array>((token) => this.addon.compile(token, source, filename));
    this.#codes.set(filename, source, code);
    return code;
  }

  /** A token for something that is started now. */
  begin(receiver: Receiver): number {
    const token = this.#free.pop() ?? this.#receivers.length;
    this.#receivers[token] = receiver;
    return token;
  }

  /** What comes for this token goes to another receiver. */
  pass(token: number, receiver: Receiver): void {
    this.#receivers[token] = receiver;
  }

  /** Nothing will come for this token. */
  release(token: number): Receiver | undefined {
    const receiver = this.#receivers[token];
    this.#receivers[token] = undefined;
    this.#free.push(token);
    return receiver;
  }

  /** The end of what was started with this token is of no interest but to `ended`, and keeps the process up no longer. */
  abandon(token: number, ended: () => void): void {
    if (this.#receivers[token] === undefined) return;
    this.addon.forget();
    const told = () => {
      this.addon.remember();
      ended();
    };
    this.#receivers[token] = { succeed: told, fail: told };
  }

  /** Has the next spare interpreter made, when what has just been loaded has had its first calls: making one takes a core for milliseconds. */
  spareSoon(): void {
    this.#spareTimer ??= setTimeout(() => {
      this.#spareTimer = undefined;
      this.addon.spare();
    }, SPARE_AFTER).unref();
  }

  /**
   * A load is about to want the spare interpreter. One that has rested takes a quarter of a millisecond to get going, as much as
   * what JavaScript does before it.
   */
  rouseSpare(): void {
    const now = performance.now();
    if (now - this.#roused > RESTED) this.addon.rouse();
    this.#roused = now;
  }

  /** From now until it is removed, a copy of a program is heard. */
  listen(program: number, guest: Guest): void {
    this.#guests.set(program, guest);
  }

  unlisten(program: number): void {
    this.#guests.delete(program);
  }

  #ask(program: number, id: number, name: string, payload: string): string | undefined {
    const guest = this.#guests.get(program);
    const answer = guest?.host?.call(name, payload, guest.caller()) ?? notGranted(name, NOTHING);
    if (typeof answer === "string") return answer;
    answer.then((text) => this.addon.answer(id, text));
    guest?.waits();
    return undefined;
  }

  #settle(batch: unknown[]): void {
    for (let i = 0; i < batch.length; i += 2) {
      const receiver = this.release(batch[i] as number);
      const value = batch[i + 1];
      if (typeof value === "string") receiver?.succeed(value as never);
      else if (value instanceof Error) receiver?.fail(value);
      else receiver?.succeed(value as never);
    }
  }
}

/** Errors of calls that have left their program in disorder. */
const spent = new WeakSet<object>();

/** Whether the program that this error came from must not serve another call. */
export function leavesDisorder(error: unknown): boolean {
  return typeof error === "object" && error !== null && spent.has(error);
}

/** Characters of what lies below an error: Python has cut them, and the core does at `limits.errorChars`. */
const MOST_CHARS = 65_536;

function failure(code: string, name: string, message: string, stack: string, disorder: boolean, extras: string): Error {
  if (code === "ERR_EXT_GUEST") return guestError({ ...told(extras), name, message, stack });
  const error = new ExtensionError(code as ExtensionErrorCode, message);
  if (disorder) spent.add(error);
  return error;
}

/** What `describe` of python/errors.py says beside the three texts. */
function told(extras: string): GuestErrorDetails | undefined {
  if (extras === "") return undefined;
  try {
    return errorDetails(JSON.parse(extras) as object, MOST_CHARS);
  } catch {
    return undefined;
  }
}

import { ExtensionError, type ExtensionErrorCode, guestError, type LogLevel } from "extruntime/engine";
import { type Addon, loadAddon } from "./addon.ts";
import { Poller } from "./poller.ts";

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

interface Operation {
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
  /** Told before the promise settles. */
  readonly ended: (() => void) | undefined;
}

/**
 * The addon as promises: it hands out the tokens, and settles what the addon brings back. One per thread of Node.
 */
export class Bridge {
  static #current: Bridge | undefined;
  readonly addon: Addon;
  readonly poller: Poller;
  /** By token; the tokens that are free are in `#free`. */
  readonly #operations: (Operation | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #outputs = new Map<number, (level: LogLevel, text: string) => void>();

  private constructor(addon: Addon) {
    this.addon = addon;
    this.poller = new Poller(addon);
    addon.attach(
      (batch) => this.#settle(batch),
      (program, level, text) => this.#outputs.get(program)?.(LEVELS[level] ?? "info", text),
      failure,
    );
  }

  /** @throws ExtensionError `ERR_EXT_UNSUPPORTED` where there is no addon for this platform. */
  static get(): Bridge {
    Bridge.#current ??= new Bridge(loadAddon());
    return Bridge.#current;
  }

  /** Starts something of the addon that ends later. What `begin` throws is the rejection. */
  ask<Result>(begin: (token: number) => void, ended?: () => void): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const token = this.#free.pop() ?? this.#operations.length;
      this.#operations[token] = { resolve, reject, ended };
      try {
        begin(token);
      } catch (error) {
        this.#take(token);
        reject(error);
      }
    });
  }

  /** Rejects what was started with this token now. Its end is still awaited, but keeps the process up no longer. */
  abandon(token: number, error: unknown): void {
    const operation = this.#operations[token];
    if (operation === undefined) return;
    operation.reject(error);
    this.addon.forget();
    operation.resolve = operation.reject = () => this.addon.remember();
  }

  /** Where the output of a program goes, until it is removed. */
  listen(program: number, output: (level: LogLevel, text: string) => void): void {
    this.#outputs.set(program, output);
  }

  unlisten(program: number): void {
    this.#outputs.delete(program);
  }

  #settle(batch: unknown[]): void {
    for (let i = 0; i < batch.length; i += 2) {
      const operation = this.#take(batch[i] as number);
      const value = batch[i + 1];
      operation?.ended?.();
      if (value instanceof Error) operation?.reject(value);
      else operation?.resolve(value as never);
    }
  }

  #take(token: number): Operation | undefined {
    const operation = this.#operations[token];
    this.#operations[token] = undefined;
    this.#free.push(token);
    return operation;
  }
}

function failure(code: string, name: string, message: string, stack: string): Error {
  if (code === "ERR_EXT_GUEST") return guestError({ name, message, stack });
  return new ExtensionError(code as ExtensionErrorCode, message);
}

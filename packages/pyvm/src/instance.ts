import { type Call, ExtensionError, type Instance } from "extruntime/engine";
import type { LoadRequest, NativeInstance } from "./addon.ts";
import type { Bridge } from "./bridge.ts";
import type { SetAside } from "./set-aside.ts";

/** Milliseconds that an aborted call has to end. Python code takes a few; what takes longer is stuck in C. */
const GRACE = 250;

/** A program loaded into an interpreter, or into a namespace of the shared one. */
export class PyvmInstance implements Instance {
  /** Set when a call was given up: it may still run. */
  broken = false;
  readonly #bridge: Bridge;
  readonly #setAside: SetAside;
  readonly #functions: ReadonlyMap<string, number>;
  #native!: NativeInstance;
  /** Token of the load or the call that runs. */
  #running: number | undefined;
  /** Whether what runs is a call, and the poller knows of it. */
  #calling = false;
  #grace: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  private constructor(bridge: Bridge, functions: ReadonlyMap<string, number>, setAside: SetAside) {
    this.#bridge = bridge;
    this.#functions = functions;
    this.#setAside = setAside;
  }

  /** Loads a program. Where its top level does not end in time, or throws, its interpreter is ended. */
  static async load(
    bridge: Bridge,
    request: LoadRequest,
    functions: ReadonlyMap<string, number>,
    setAside: SetAside,
    call: Call,
  ): Promise<PyvmInstance> {
    const instance = new PyvmInstance(bridge, functions, setAside);
    const loading = instance.#start<void>((token) => {
      instance.#native = bridge.addon.load(token, request);
    });
    try {
      await withLimits(loading, call, () => instance.abort());
      return instance;
    } catch (error) {
      loading.catch(() => {}).finally(() => instance.close());
      throw error;
    }
  }

  invoke(fn: string, payload: string): Promise<string> {
    const index = this.#functions.get(fn)!;
    this.#calling = true;
    const result = this.#start<string>((token) => this.#bridge.addon.invoke(this.#native, token, index, payload));
    this.#bridge.poller.started();
    return result;
  }

  invokeSync(fn: string, payload: string, call: Call): string {
    const left = call.deadline === Number.POSITIVE_INFINITY ? call.deadline : call.deadline - performance.now();
    return this.#bridge.addon.invokeSync(this.#native, this.#functions.get(fn)!, payload, left);
  }

  abort(): void {
    if (this.#running === undefined || this.#grace !== undefined) return;
    this.#bridge.addon.abort(this.#native);
    this.#grace = setTimeout(() => this.#giveUp(), GRACE);
  }

  /** Where a call was given up, the interpreter ends when that call has returned; nobody waits for it. */
  close(): Promise<void> {
    if (this.#running !== undefined || this.#native === undefined) return Promise.resolve();
    this.#closing ??= this.#bridge.ask<void>((token) => this.#bridge.addon.close(this.#native, token));
    return this.#closing;
  }

  #start<Result>(begin: (token: number) => void): Promise<Result> {
    return this.#bridge.ask<Result>((token) => {
      begin(token);
      this.#running = token;
    }, this.#ended);
  }

  readonly #ended = (): void => {
    this.#running = undefined;
    if (this.#calling) this.#bridge.poller.ended();
    this.#calling = false;
    if (this.#grace !== undefined) clearTimeout(this.#grace);
    this.#grace = undefined;
    if (!this.broken) return;
    this.#setAside.leave();
    void this.close();
  };

  #giveUp(): void {
    if (this.#running === undefined) return;
    this.broken = true;
    this.#setAside.enter();
    const problem = "the call did not stop when it was aborted, so its interpreter is set aside";
    this.#bridge.abandon(this.#running, new ExtensionError("ERR_EXT_TIMEOUT", problem));
  }
}

/** The promise, or what its limits say if they come first; then `abort` has been called. */
async function withLimits(running: Promise<void>, call: Call, abort: () => void): Promise<void> {
  const { deadline, signal } = call;
  if (deadline === Number.POSITIVE_INFINITY && signal === undefined) return running;
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    const stop = (reason: unknown) => {
      abort();
      reject(reason);
    };
    const late = () => stop(new ExtensionError("ERR_EXT_TIMEOUT", "the top level of the program did not end in time"));
    if (deadline !== Number.POSITIVE_INFINITY) timer = setTimeout(late, Math.max(0, deadline - performance.now()));
    onAbort = () => stop(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
  try {
    await Promise.race([running, limit]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
  }
}

import {
  type Answer,
  type Call,
  CallQueue,
  DeadlineTimer,
  ExtensionError,
  type Instance,
  NOT_STARTED,
  UNLIMITED,
} from "extruntime/engine";
import type { Addon, LoadRequest, NativeInstance } from "./addon.ts";
import { type Bridge, leavesDisorder, type Receiver } from "./bridge.ts";
import { Grace } from "./grace.ts";
import { SentCall } from "./sent-call.ts";
import type { SetAside } from "./set-aside.ts";

/** Nanoseconds of work that are sent ahead to an interpreter: about what it costs to have another one do it. */
const WORK_AHEAD = 250_000;
const MOST_AHEAD = 63;
/** Milliseconds that a call may hold up those behind it, before they are taken back for other interpreters. */
const PATIENCE = 10;

/** For a token that is held in case that a call needs it. */
const NOBODY: Receiver = { succeed() {}, fail() {} };

/** A program loaded into an interpreter, or into a namespace of the shared one. */
export class PyvmInstance implements Instance {
  /** Set when a call was given up, which may still run; and when one was stopped in a way that leaves the program in disorder. */
  broken = false;
  /** A call was given up. */
  #stuck = false;
  readonly #bridge: Bridge;
  readonly #setAside: SetAside;
  readonly #functions: ReadonlyMap<string, number>;
  /** Of these, the one that was called last. */
  #lastFunction: string | undefined;
  #lastIndex = 0;
  /** Found here, V8 takes it for one that stays; the addon's object is a dictionary to it. */
  readonly #invokeSync: Addon["invokeSync"];
  readonly #invoke: Addon["invoke"];
  /** Nanoseconds that calls lately took, as the addon sees them; 0 before the first. */
  readonly #pace = new Float64Array(1);
  #native!: NativeInstance;
  /** In order. The first is the one that runs, or has ended and is not told yet. */
  readonly #sent = new CallQueue<SentCall>();
  /** The call that was seen to hold up others. */
  #slow: SentCall | undefined;
  /** Of the calls that wait behind another: looks whether that one ends. */
  #watch: NodeJS.Timeout | undefined;
  /** The first call at the last look. */
  #watched: SentCall | undefined;
  #closing: Promise<void> | undefined;
  /** The load, and then the call that this thread waits for, or has waited for. */
  #here: Call | undefined;
  /** The top level runs. */
  #loading = true;

  constructor(bridge: Bridge, functions: ReadonlyMap<string, number>, setAside: SetAside) {
    this.#bridge = bridge;
    this.#invokeSync = bridge.addon.invokeSync;
    this.#invoke = bridge.addon.invoke;
    this.#functions = functions;
    this.#setAside = setAside;
  }

  /** Loads the program, first of all. Where its top level does not end in time, or throws, its interpreter is ended. */
  async load(request: LoadRequest, call: Call): Promise<void> {
    let token = -1;
    this.#here = call;
    const loading = new Promise<void>((succeed, fail) => {
      token = this.#bridge.begin({ succeed, fail });
      try {
        this.#native = this.#bridge.addon.load(token, request, this.#pace);
      } catch (error) {
        this.#bridge.release(token);
        fail(error);
      }
    });
    let grace: Grace | undefined;
    const ended = () => grace?.end();
    try {
      await withLimits(loading, call, () => {
        grace = this.#abort(token, () => {});
      });
      this.#loading = false;
      this.#here = undefined;
      if (!request.shared) this.#bridge.spareSoon();
    } catch (error) {
      loading.then(ended, ended).then(() => this.close());
      throw error;
    }
  }

  get ahead(): number {
    const first = this.#sent.first;
    if (first === undefined || first === this.#slow || first.unwanted || this.broken) return 0;
    // Before the first call has ended this is no limit: making more interpreters takes longer than to see how long that takes.
    return Math.min(MOST_AHEAD, Math.floor(WORK_AHEAD / this.#pace[0]!));
  }

  invoke(fn: string, payload: string, call: Call): Promise<string> {
    return new Promise((succeed, fail) => this.invokeLater(fn, payload, call, { succeed, fail }));
  }

  invokeLater(fn: string, payload: string, call: Call, answer: Answer): void {
    const sent = this.#sending(call, answer);
    sent.token = this.#bridge.begin(sent);
    this.#invoke(this.#native, sent.token, this.#indexOf(fn), payload);
    this.#bridge.poller.started();
  }

  invokeSync(fn: string, payload: string, call: Call): string {
    const index = this.#indexOf(fn);
    this.#here = call;
    if (call.deadline === Number.POSITIVE_INFINITY) return this.#invokeSync(this.#native, index, payload);
    try {
      return this.#invokeSync(this.#native, index, payload, call.deadline - performance.now());
    } catch (error) {
      if (leavesDisorder(error)) this.#replace();
      throw error;
    }
  }

  invokeHere(fn: string, payload: string, call: Call): string | Promise<string> {
    const bridge = this.#bridge;
    const token = bridge.begin(NOBODY);
    this.#here = call;
    let result: string | undefined;
    try {
      result = this.#invokeSync(this.#native, this.#indexOf(fn), payload, call.deadline - performance.now(), token);
    } catch (error) {
      bridge.release(token);
      if (leavesDisorder(error)) this.#replace();
      throw error;
    }
    if (result === undefined) return this.#rest(token, call);
    bridge.release(token);
    return result;
  }

  abort(call: Call): void {
    const sent = this.#sent.copy().find((one) => one.call === call && !one.unwanted);
    if (sent === undefined || this.#takeBack(sent)) return;
    sent.unwanted = true;
    sent.grace = this.#abort(sent.token, () => this.#giveUp(sent));
  }

  /** Where a call was given up, the interpreter ends when that call has returned; nobody waits for it. */
  close(): Promise<void> {
    if (this.#stuck || this.#native === undefined) return Promise.resolve();
    return this.#end();
  }

  /** For which call it asks the host off this thread. Calls run in the order in which they were sent; before the first the top level does. */
  get caller(): Call | undefined {
    return this.#sent.first?.call ?? (this.#loading ? UNLIMITED : undefined);
  }

  /** The same for a call that this thread waits for. */
  get callerHere(): Call | undefined {
    return this.#here;
  }

  /** Whose lines are printed: those of a call come before its answer. */
  get speaker(): Call | undefined {
    return this.#sent.first?.call ?? this.#here;
  }

  /** The call that runs waits for a host function, which may itself make calls of this program. */
  waits(): void {
    this.#slow = this.#sent.first;
    this.#takeBackAllBut(1);
  }

  /** For a call: the addon has answered it. */
  ended(sent: SentCall, error?: unknown): void {
    if (leavesDisorder(error)) this.#replace();
    this.#sent.remove(sent);
    this.#bridge.poller.ended();
    sent.grace?.end();
  }

  #indexOf(fn: string): number {
    if (fn !== this.#lastFunction) {
      this.#lastIndex = this.#functions.get(fn)!;
      this.#lastFunction = fn;
    }
    return this.#lastIndex;
  }

  #sending(call: Call, answer: Answer): SentCall {
    const sent = new SentCall(this, call, answer);
    this.#sent.push(sent);
    if (this.#sent.length > 1) this.#watch ??= setTimeout(this.#relieve, PATIENCE).unref();
    return sent;
  }

  /** The call goes on as one that was sent. */
  #rest(token: number, call: Call): Promise<string> {
    return new Promise((succeed, fail) => {
      const sent = this.#sending(call, { succeed, fail });
      sent.token = token;
      this.#bridge.pass(token, sent);
      this.#bridge.poller.started();
    });
  }

  #end(): Promise<void> {
    clearTimeout(this.#watch);
    this.#closing ??= this.#bridge.ask<void>((token) => this.#bridge.addon.close(this.#native, token));
    return this.#closing;
  }

  /** Hands a call back to the core, if its turn has not come. */
  #takeBack(sent: SentCall): boolean {
    if (!this.#bridge.addon.withdraw(this.#native, sent.token)) return false;
    this.#bridge.release(sent.token);
    sent.fail(NOT_STARTED);
    return true;
  }

  #takeBackAllBut(first: number): void {
    for (const sent of this.#sent.copy(first)) this.#takeBack(sent);
  }

  /** Takes back what waits behind a call that takes long, or behind more work than was thought. */
  readonly #relieve = (): void => {
    const first = this.#sent.first;
    if (first === this.#watched) this.#slow = first;
    this.#watched = first;
    this.#takeBackAllBut(1 + this.ahead);
    this.#watch = this.#sent.length > 1 ? setTimeout(this.#relieve, PATIENCE).unref() : undefined;
  };

  /** Stops what runs. The interpreter is set aside when that does not end; then `giveUp` is called. */
  #abort(token: number, giveUp: () => void): Grace {
    this.#bridge.addon.abort(this.#native, token);
    return new Grace(this.#setAside.graceMs, () => {
      this.broken = true;
      this.#stuck = true;
      this.#setAside.enter();
      this.#bridge.abandon(token, () => {
        this.#setAside.leave();
        void this.#end();
      });
      giveUp();
    });
  }

  /** It serves no other call: those that were sent ahead go elsewhere. */
  #replace(): void {
    this.broken = true;
    this.#takeBackAllBut(0);
  }

  #giveUp(sent: SentCall): void {
    const problem = "the call did not stop when it was aborted, so its interpreter is set aside";
    this.#takeBackAllBut(1);
    sent.fail(new ExtensionError("ERR_EXT_TIMEOUT", problem));
  }
}

/** The promise, or what its limits say if they come first; then `abort` has been called. */
async function withLimits(running: Promise<void>, call: Call, abort: () => void): Promise<void> {
  const { deadline, signal } = call;
  if (deadline === Number.POSITIVE_INFINITY && signal === undefined) return running;
  let timer: DeadlineTimer | undefined;
  let onAbort: (() => void) | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    const stop = (reason: unknown) => {
      abort();
      reject(reason);
    };
    const late = () => stop(new ExtensionError("ERR_EXT_TIMEOUT", "the top level of the program did not end in time"));
    timer = new DeadlineTimer(deadline, late);
    onAbort = () => stop(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
  try {
    await Promise.race([running, limit]);
  } finally {
    timer?.stop();
    if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
  }
}

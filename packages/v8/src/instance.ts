import { type Answer, type Call, ExtensionError, type Instance } from "extruntime/engine";
import type { Receiver } from "./guest/guest-call.ts";
import { readOutcome, timedOut } from "./guest/outcome.ts";
import { MOST_TURNS } from "./guest/shared-cells.ts";
import type { LoadedGuest, V8Program } from "./program.ts";

/** Microseconds of work that are sent ahead to an isolate: enough to keep its thread at work until this one looks again. */
const WORK_AHEAD = 1000;
const MOST_AHEAD = 63;
/** Milliseconds that a call may hold up those behind it, before they are taken back for other instances. */
const PATIENCE = 10;
/** Milliseconds between two looks at calls that hold up others, or that nobody waits for. */
const LOOK = 10;

/**
 * A guest that serves calls: on a thread of isolated-vm's with `invokeLater`, on the calling thread with `invokeSync`. It has no
 * `invokeHere`, since a thread on which V8 gives up its isolate hangs for ever.
 */
export class V8Instance implements Instance {
  readonly #program: V8Program;
  #loaded: LoadedGuest;
  /** A synchronous call was stopped: the next call makes a new isolate, since a caller of `invokeSync` cannot wait for a new instance. */
  #stopped = false;
  /** The call for which this thread waits. */
  #here: Call | undefined;
  /** In order. The first is the one that runs, or it has ended and its answer is on the way. */
  readonly #sent: SentCall[] = [];
  /** A buffer was refused: what filled the memory is still there. */
  #full = false;
  /** Of the work of one call, the lately seen ones counting most. */
  #meanMicros = Number.POSITIVE_INFINITY;
  /** When the first call's turn came, on the clock of `performance.now()`. */
  #turnSince = 0;
  #watch: NodeJS.Timeout | undefined;
  /** The call that was seen to hold up others. */
  #slow: SentCall | undefined;
  /** The call that ran at the last look though nobody waits for it. */
  #late: SentCall | undefined;

  constructor(program: V8Program, loaded: LoadedGuest) {
    this.#program = program;
    this.#loaded = loaded;
    loaded.guest.speaker = this.#speaker;
  }

  /** Lines of a call come before its answer. */
  readonly #speaker = (): Call | undefined => this.#here ?? this.#sent[0]?.call;

  get broken(): boolean {
    return this.#full || (this.#loaded.guest.broken && !this.#stopped);
  }

  get ahead(): number {
    // A call that waits for the host would have those behind it run in its midst.
    if (this.#loaded.guest.mailbox !== undefined) return 0;
    const first = this.#sent[0];
    if (first === undefined || first === this.#slow || first.unwanted || this.#stopped || this.broken) return 0;
    return Math.min(MOST_AHEAD, Math.floor(WORK_AHEAD / this.#meanMicros));
  }

  invoke(fn: string, payload: string, call: Call): Promise<string> {
    return new Promise((succeed, fail) => this.invokeLater(fn, payload, call, { succeed, fail }));
  }

  invokeLater(fn: string, payload: string, call: Call, answer: Answer): void {
    const sent = new SentCall(this, call, answer);
    if (this.#sent.push(sent) === 1) this.#turnSince = performance.now();
    else this.#watchOn();
    if (this.#stopped) this.#startOver(sent, fn, payload);
    else this.#send(sent, fn, payload);
  }

  invokeSync(fn: string, payload: string, call: Call): string {
    if (this.#stopped) {
      this.#loaded = this.#program.loadNow(call);
      this.#loaded.guest.speaker = this.#speaker;
      this.#stopped = false;
    }
    const { guest, invokers } = this.#loaded;
    guest.mailbox?.serve(call);
    this.#here = call;
    try {
      return this.read(invokers.get(fn)!.callSync(payload, call.deadline));
    } catch (error) {
      this.#stopped = ExtensionError.is(guest.failure, "ERR_EXT_TIMEOUT");
      throw error;
    } finally {
      this.#here = undefined;
    }
  }

  abort(call: Call): void {
    const sent = this.#sent.find((one) => one.call === call && !one.unwanted);
    if (sent === undefined) return;
    sent.unwanted = true;
    if (!this.#stop(sent)) this.#watchOn();
  }

  close(): void {
    this.#loaded.guest.close();
  }

  /** What the dispatcher's answer means: JSON text, or an error to throw. */
  read(answer: string): string {
    try {
      return readOutcome(answer, this.#program.bounds);
    } catch (error) {
      if (ExtensionError.is(error, "ERR_EXT_MEMORY")) this.#full = true;
      throw error;
    }
  }

  answered(sent: SentCall): void {
    this.#loaded.guest.mailbox?.forget();
    if (sent !== this.#sent[0]) {
      this.#sent.splice(this.#sent.indexOf(sent), 1);
      return;
    }
    this.#sent.shift();
    const now = performance.now();
    const micros = 1000 * (now - this.#turnSince);
    const mean = this.#meanMicros;
    this.#meanMicros = mean === Number.POSITIVE_INFINITY ? micros : mean * 0.875 + micros * 0.125;
    this.#turnSince = now;
  }

  #watchOn(): void {
    this.#watch ??= setTimeout(this.#look, LOOK);
  }

  /**
   * Takes back what waits behind a call that takes long, and stops one that nobody waits for. Most of those end by themselves, and the
   * isolate lives on, so it is stopped at the second look.
   */
  readonly #look = (): void => {
    this.#watch = undefined;
    const first = this.#sent[0];
    if (first === undefined || this.broken) return;
    if (first.unwanted && first === this.#late && this.#stop(first)) return;
    this.#late = first.unwanted ? first : undefined;
    const last = this.#sent.at(-1)!;
    if (first !== last && first !== this.#slow && performance.now() - this.#turnSince >= PATIENCE) {
      // Before: what is taken back must not come here again.
      this.#slow = first;
      if (!this.#loaded.guest.takeBack(first.ticket, last.ticket)) this.#slow = undefined;
    }
    if (this.#sent.length > 1 || this.#sent[0]?.unwanted) this.#watchOn();
  };

  #send(sent: SentCall, fn: string, payload: string): void {
    this.#loaded.guest.mailbox?.serve(sent.call);
    sent.ticket = this.#loaded.invokers.get(fn)!.call(payload, sent);
    if (sent.ticket >= MOST_TURNS) this.#full = true;
  }

  #startOver(sent: SentCall, fn: string, payload: string): void {
    this.#program.load(sent.call).then(
      (loaded) => {
        this.#loaded = loaded;
        loaded.guest.speaker = this.#speaker;
        this.#stopped = false;
        if (sent.unwanted) sent.fail(sent.call.signal?.reason ?? timedOut());
        else this.#send(sent, fn, payload);
      },
      (error: unknown) => {
        this.#full = true;
        sent.fail(error);
      },
    );
  }

  /** Ends the isolate if it is this call that runs. */
  #stop(sent: SentCall): boolean {
    if (this.#stopped) return false;
    return this.#loaded.guest.killCall(sent.ticket, new ExtensionError("ERR_EXT_TIMEOUT", "it was stopped"));
  }
}

/** A call that was sent to the isolate. */
class SentCall implements Receiver {
  /** By which the core knows it. */
  readonly call: Call;
  /** By which the guest knows it. */
  ticket = 0;
  /** Nobody waits for it any more. */
  unwanted = false;
  readonly #instance: V8Instance;
  readonly #answer: Answer;

  constructor(instance: V8Instance, call: Call, answer: Answer) {
    this.#instance = instance;
    this.call = call;
    this.#answer = answer;
  }

  succeed(text: string): void {
    this.#instance.answered(this);
    let json: string;
    try {
      json = this.#instance.read(text);
    } catch (error) {
      this.#answer.fail(error);
      return;
    }
    this.#answer.succeed(json);
  }

  fail(error: unknown): void {
    this.#instance.answered(this);
    this.#answer.fail(error);
  }
}

import { ExtensionError } from "extruntime/engine";
import type { LinearMemory } from "../memory/linear-memory.ts";
import type { StopSwitch } from "../stop.ts";
import type { Clocks } from "./wasi-clocks.ts";
import { ERRNO } from "./wasi-errno.ts";

/**
 * `poll_oneoff`: how a guest sleeps. The thread that calls really sleeps (`Atomics.wait`), since a WebAssembly call
 * cannot be put aside; so every call has a budget of sleep. A wait past the budget ends the call at once: waking the guest
 * early in place of that would make it ask again, which is busy waiting.
 */

/** A guest has three descriptors and few timers. */
const MAX_SUBSCRIPTIONS = 64;
const SUBSCRIPTION_BYTES = 48;
const EVENT_BYTES = 32;
const CLOCK = 0;
const FD_READ = 1;
const FD_WRITE = 2;
const ABSOLUTE = 1;
const NS_PER_MS = 1e6;

interface Subscription {
  readonly userdata: bigint;
  readonly type: number;
  readonly errno: number;
  /** Milliseconds until it is due; 0 for a stream, which never has to wait. */
  readonly delay: number;
  /** Bytes that the stream can move now. */
  readonly ready: number;
}

/** Nobody notifies it: waiting on it is a sleep. */
const NEVER = new Int32Array(new SharedArrayBuffer(4));

export class PollOneoff {
  readonly #memory: LinearMemory;
  readonly #clocks: Clocks;
  readonly #stop: StopSwitch;
  readonly #maxSleepMs: number;
  readonly #readiness: (fd: number) => number | undefined;
  #left: number;

  constructor(
    memory: LinearMemory,
    clocks: Clocks,
    stop: StopSwitch,
    maxSleepMs: number,
    readiness: (fd: number) => number | undefined,
  ) {
    this.#memory = memory;
    this.#clocks = clocks;
    this.#stop = stop;
    this.#maxSleepMs = maxSleepMs;
    this.#readiness = readiness;
    this.#left = maxSleepMs;
  }

  /** A new call begins. */
  renew(): void {
    this.#left = this.#maxSleepMs;
  }

  poll(input: number, output: number, count: number, countOut: number): number {
    if (count === 0 || count > MAX_SUBSCRIPTIONS) return ERRNO.inval;
    const fits =
      this.#memory.has(input, count * SUBSCRIPTION_BYTES) &&
      this.#memory.has(output, count * EVENT_BYTES) &&
      this.#memory.has(countOut, 4);
    if (!fits) return ERRNO.fault;
    // All are read before any event is written: the guest may have put both in one place.
    const subscriptions = Array.from({ length: count }, (_, index) => this.#read(input + index * SUBSCRIPTION_BYTES));
    const delay = Math.min(...subscriptions.map((subscription) => subscription.delay));
    this.#sleep(delay);
    const due = subscriptions.filter((subscription) => subscription.delay <= delay);
    for (const [index, subscription] of due.entries()) this.#write(output + index * EVENT_BYTES, subscription);
    this.#memory.bytes.writeUInt32LE(due.length, countOut);
    return ERRNO.success;
  }

  #sleep(milliseconds: number): void {
    if (milliseconds <= 0) return;
    if (milliseconds > this.#left)
      this.#stop.stop(
        new ExtensionError(
          "ERR_EXT_UNSUPPORTED",
          `the guest wants to sleep ${Math.ceil(milliseconds)} ms, and a call may sleep ${this.#maxSleepMs} ms in total, since it blocks its thread; raise maxSleepMs of wasm()`,
        ),
      );
    this.#left -= milliseconds;
    Atomics.wait(NEVER, 0, 0, Math.min(milliseconds, Math.max(0, this.#stop.deadline - performance.now())));
    this.#stop.check();
  }

  #read(at: number): Subscription {
    const bytes = this.#memory.bytes;
    const userdata = bytes.readBigUInt64LE(at);
    const type = bytes.readUInt8(at + 8);
    if (type === CLOCK) {
      const delay = this.#delay(
        bytes.readUInt32LE(at + 16),
        bytes.readBigUInt64LE(at + 24),
        bytes.readUInt16LE(at + 40),
      );
      return { userdata, type, errno: delay === undefined ? ERRNO.inval : ERRNO.success, delay: delay ?? 0, ready: 0 };
    }
    const isStream = type === FD_READ || type === FD_WRITE;
    const ready = isStream ? this.#readiness(bytes.readUInt32LE(at + 16)) : undefined;
    const errno = !isStream ? ERRNO.inval : ready === undefined ? ERRNO.badf : ERRNO.success;
    return { userdata, type, errno, delay: 0, ready: ready ?? 0 };
  }

  /** Milliseconds until the time of a clock, or `undefined` for a clock that is not there. */
  #delay(clock: number, timeout: bigint, flags: number): number | undefined {
    const now = this.#clocks.now(clock);
    if (now === undefined) return undefined;
    const nanoseconds = flags & ABSOLUTE ? timeout - now : timeout;
    return Math.max(0, Number(nanoseconds) / NS_PER_MS);
  }

  #write(at: number, subscription: Subscription): void {
    const bytes = this.#memory.bytes;
    bytes.fill(0, at, at + EVENT_BYTES);
    bytes.writeBigUInt64LE(subscription.userdata, at);
    bytes.writeUInt16LE(subscription.errno, at + 8);
    bytes.writeUInt8(subscription.type, at + 10);
    bytes.writeBigUInt64LE(BigInt(subscription.ready), at + 16);
  }
}

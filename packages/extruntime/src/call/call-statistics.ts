import type { ModuleStats } from "../contract/statistics.ts";
import { ExtensionError } from "../errors.ts";
import { CallClock, type Start, Times } from "./call-times.ts";

/** The counts of each module of the core, for the sums of a host. */
export const countsOf = new WeakMap<object, CallStatistics>();

/** What a module counts of its calls. */
export class CallStatistics {
  readonly durations = new Times();
  readonly waits = new Times();
  readonly #clock = new CallClock();
  #calls = 0;
  #failures = 0;
  #timeouts = 0;
  #crashes = 0;
  #refused = 0;
  #payloadBytes = 0;
  #resultBytes = 0;

  /** A call comes, and may yet be refused. */
  begin(): Start {
    return this.#clock.begin();
  }

  /** A call that was answered at once. */
  done(payload: string, result: string, start: Start): void {
    if (start !== 0) {
      this.accepted(payload, start);
      this.answered(result, start);
      return;
    }
    this.#calls++;
    this.#payloadBytes += payload.length;
    this.#resultBytes += result.length;
    this.durations.end(start);
  }

  accepted(payload: string, start: Start): void {
    this.#calls++;
    this.#payloadBytes += start > 0 ? Buffer.byteLength(payload) : payload.length;
  }

  refused(): void {
    this.#refused++;
  }

  /** The caller of an accepted call has its answer: a result, or an error where there is none. */
  answered(result: string | undefined, start: Start): void {
    if (result !== undefined) this.#resultBytes += start > 0 ? Buffer.byteLength(result) : result.length;
    this.durations.end(start);
  }

  /** The caller got this error. */
  failed(error: unknown): void {
    this.#failures++;
    if (ExtensionError.is(error, "ERR_EXT_TIMEOUT")) this.#timeouts++;
    else if (ExtensionError.is(error, "ERR_EXT_CRASHED")) this.#crashes++;
  }

  /** Together with what the pool counts. */
  with(
    pool: Pick<ModuleStats, "running" | "queued" | "instances" | "busy" | "instancesCreated" | "instancesReplaced">,
  ): ModuleStats {
    return {
      calls: this.#calls,
      failures: this.#failures,
      timeouts: this.#timeouts,
      crashes: this.#crashes,
      refused: this.#refused,
      ...pool,
      payloadBytes: this.#payloadBytes,
      resultBytes: this.#resultBytes,
      durations: this.durations.summary(),
      waits: this.waits.summary(),
    };
  }
}

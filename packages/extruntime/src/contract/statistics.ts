/** How long something took, in milliseconds. All are 0 where `count` is. Percentiles are right to a percent. */
export interface Durations {
  /** How often. */
  readonly count: number;
  /** Half of them took no longer. */
  readonly p50: number;
  /** 99 of 100 took no longer. */
  readonly p99: number;
  /** The longest. */
  readonly max: number;
}

/** Counters of one module, from its load on. */
export interface ModuleStats {
  /** Calls that were accepted (a full queue and unknown functions are not). */
  readonly calls: number;
  /** Of these, those that failed, for whatever reason. */
  readonly failures: number;
  /** Of the failures, those by `ERR_EXT_TIMEOUT`. */
  readonly timeouts: number;
  /** Of the failures, those by a crash of the engine: `ERR_EXT_CRASHED`. */
  readonly crashes: number;
  /** Calls that were refused since the queue was full: `ERR_EXT_BUSY`. */
  readonly refused: number;
  /** Running now. */
  readonly running: number;
  /** Waiting now for an instance. */
  readonly queued: number;
  /** Alive now, busy ones included; one that is still being made is not. */
  readonly instances: number;
  /** Of these, those that hold a call. */
  readonly busy: number;
  /** Made since the load. */
  readonly instancesCreated: number;
  /** Of these, those that were closed because they broke: a call was stopped, or the engine crashed. */
  readonly instancesReplaced: number;
  /** UTF-8 bytes of the payloads of accepted calls, and of the results that were given. Of calls that come closer than 20 µs one after the other, UTF-16 units count. */
  readonly payloadBytes: number;
  /** UTF-8 bytes of the results that were given, counted as {@link payloadBytes} are. */
  readonly resultBytes: number;
  /**
   * Of accepted calls, from `invoke` to the answer. Where they come closer than 20 µs one after the other, one in 64 is measured
   * and counts as 64, so that a `max` may be missed.
   */
  readonly durations: Durations;
  /** Of calls that waited for an instance, until they had one; measured as `durations`. */
  readonly waits: Durations;
}

/** The sums of a host's extensions, those that were closed or replaced included. */
export interface HostStats extends ModuleStats {
  /** Loaded now. */
  readonly extensions: number;
}

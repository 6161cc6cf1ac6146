import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import type { Durations } from "../contract/statistics.ts";

/**
 * When a call began, in milliseconds on the clock of `performance.now()`. Negative for a call that stands for
 * {@link STRIDE} of them, 0 for one that is not measured.
 */
export type Start = number;

/** Of calls that come fast one after the other, one in so many is measured. */
const STRIDE = 64;
/** Milliseconds between the starts of calls, on average, below which that is so: to measure one costs a percent of it. */
const CLOSE_TOGETHER = 0.02;
/** Measured calls over which that average is taken: the first of a module are all measured. */
const WINDOW = 64;
/** Milliseconds without a measured call after which each is measured again. */
const PAUSE = 10;

/** Says which calls are measured. */
export class CallClock {
  #skip = 0;
  #stride = 1;
  #looks = 0;
  #windowStart = 0;
  #last = 0;

  begin(): Start {
    if (this.#skip === 0) return this.#look();
    this.#skip--;
    return 0;
  }

  #look(): Start {
    const now = performance.now();
    const paused = now - this.#last > PAUSE;
    if (paused || ++this.#looks === WINDOW) {
      const close = !paused && now - this.#windowStart < WINDOW * this.#stride * CLOSE_TOGETHER;
      this.#stride = close ? STRIDE : 1;
      this.#looks = 0;
      this.#windowStart = now;
    }
    this.#last = now;
    this.#skip = this.#stride - 1;
    return this.#stride === 1 ? now : -now;
  }
}

const NANOSECONDS = 1e6;
/** What a histogram can hold, in nanoseconds: 64 to an hour, each value to a percent. It takes 30 KB and 20 µs, so it is made when it is needed. */
const RANGE = { lowest: 64, highest: 3_600_000_000_000, figures: 2 };

/** Values that are kept as they are, since most modules are called now and then. */
const MOST_SINGLE = 32;

/** How long something took, each time. */
export class Times {
  /** Of calls of which each was measured, and of those that stand for {@link STRIDE} of them. */
  #each: RecordableHistogram | undefined;
  #sampled: RecordableHistogram | undefined;
  /** Nanoseconds, while each was measured and they are few. */
  #single: number[] = [];
  /** Milliseconds. */
  #max = 0;
  /** All of them, whether they were measured or not. */
  #count = 0;

  /** Something that began at `start` ends. */
  end(start: Start): void {
    this.#count++;
    if (start !== 0) this.#record(start, performance.now() - Math.abs(start));
  }

  summary(): Durations {
    if (this.#count === 0) return NONE;
    if (this.#each === undefined && this.#sampled === undefined) return this.#summaryOfSingle();
    const all = this.#sampled === undefined ? this.#each! : this.#sum();
    const max = this.#max;
    // A percentile is the upper end of its step.
    const percentile = (p: number) => Math.min(all.percentile(p) / NANOSECONDS, max);
    return { count: this.#count, p50: percentile(50), p99: percentile(99), max };
  }

  #summaryOfSingle(): Durations {
    const sorted = this.#single.toSorted((a, b) => a - b);
    const max = this.#max;
    const percentile = (p: number) =>
      Math.min((sorted[Math.ceil((sorted.length * p) / 100) - 1] ?? 0) / NANOSECONDS, max);
    return { count: this.#count, p50: percentile(50), p99: percentile(99), max };
  }

  /** Takes in what another one holds. */
  add(other: Times): void {
    if (other.#each === undefined && other.#sampled === undefined) {
      for (const ns of other.#single) this.#recordEach(ns);
    } else {
      this.#each ??= this.#histogramOfSingle();
      other.#addTo(this.#each);
    }
    this.#max = Math.max(this.#max, other.#max);
    this.#count += other.#count;
  }

  #record(start: Start, ms: number): void {
    if (ms > this.#max) this.#max = ms;
    const ns = Math.min(Math.max(Math.round(ms * NANOSECONDS), 1), RANGE.highest);
    if (start > 0) this.#recordEach(ns);
    else {
      this.#sampled ??= createHistogram(RANGE);
      this.#sampled.record(ns);
    }
  }

  #recordEach(ns: number): void {
    if (this.#each === undefined && this.#single.length < MOST_SINGLE) this.#single.push(ns);
    else {
      this.#each ??= this.#histogramOfSingle();
      this.#each.record(ns);
    }
  }

  #histogramOfSingle(): RecordableHistogram {
    const histogram = createHistogram(RANGE);
    for (const ns of this.#single) histogram.record(ns);
    this.#single = [];
    return histogram;
  }

  #sum(): RecordableHistogram {
    const sum = createHistogram(RANGE);
    this.#addTo(sum);
    return sum;
  }

  #addTo(sum: RecordableHistogram): void {
    if (this.#each !== undefined) sum.add(this.#each);
    for (const ns of this.#single) sum.record(ns);
    if (this.#sampled === undefined) return;
    // Doubled until it stands for all.
    let part: RecordableHistogram = this.#sampled;
    for (let times = 1; times < STRIDE; times *= 2) {
      const twice = createHistogram(RANGE);
      twice.add(part);
      twice.add(part);
      part = twice;
    }
    sum.add(part);
  }
}

const NONE: Durations = Object.freeze({ count: 0, p50: 0, p99: 0, max: 0 });

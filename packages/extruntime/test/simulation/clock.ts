const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  now: performance.now,
};

/** A time that has not come, in a heap by time and then by the order in which it was asked for. */
interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** A timer of the simulated Node. */
class SimTimer {
  due: Due | undefined;
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return true;
  }
}

/**
 * Time of a simulated machine. It stands still while code runs. The host's code is run by its event loop, timers before
 * what has come for it; the workers' by themselves, at the very moment, whatever the host does.
 */
export class SimClock {
  now = 1000;
  /** Timers of the host that were neither run nor cleared. */
  timers = 0;
  #order = 0;
  readonly #timers = new Heap();
  readonly #arrivals = new Heap();
  readonly #workers = new Heap();
  /** Until then the host's thread does something else. */
  #hostBusyUntil = 0;

  /** Something happens in a worker. */
  inWorker(at: number, run: () => void): void {
    this.#workers.add(this.#due(at, run));
  }

  /** Something comes for the host. */
  toHost(at: number, run: () => void): void {
    this.#arrivals.add(this.#due(at, run));
  }

  blockHost(ms: number): void {
    this.#hostBusyUntil = Math.max(this.#hostBusyUntil, this.now + ms);
  }

  /** The host's thread is blocked until something happens in a worker, or until a time. Returns whether something did. */
  blockedUntil(time: number): boolean {
    const next = this.#workers.time;
    if (next === time) throw new Error("the host waits for ever, and nothing happens in any worker");
    this.now = Math.max(this.now, Math.min(next, time));
    if (next > time) return false;
    this.#workers.take()!.run();
    return true;
  }

  /** Runs what comes until `done` or until a time. Returns whether it was done. */
  async run(until: number, done: () => boolean): Promise<boolean> {
    await settled();
    while (!done()) {
      const at = Math.min(this.#timers.time, this.#arrivals.time);
      const hostAt = at === Number.POSITIVE_INFINITY ? at : Math.max(at, this.#hostBusyUntil);
      const next = Math.min(hostAt, this.#workers.time);
      if (next > until) {
        this.now = Math.max(this.now, until);
        return done();
      }
      this.now = Math.max(this.now, next);
      if (this.#workers.time <= next) {
        this.#workers.take()!.run();
        continue;
      }
      // One turn of the host's event loop.
      for (const queue of [this.#timers, this.#arrivals])
        for (const due of queue.takeUntil(this.now)) {
          if (due.cancelled) continue;
          due.run();
          await settled();
        }
    }
    return true;
  }

  /** Puts this clock in the place of Node's. */
  install(): void {
    const set = (ms: number, run: () => void, every: boolean): SimTimer => {
      const timer = new SimTimer();
      this.#arm(timer, ms, run, every);
      return timer;
    };
    const clear = (timer: unknown) => {
      if (!(timer instanceof SimTimer) || timer.due === undefined) return;
      timer.due.cancelled = true;
      timer.due = undefined;
      this.timers--;
    };
    Object.assign(globalThis, {
      setTimeout: (run: (arg: unknown) => void, ms = 1, arg?: unknown) => set(ms, () => run(arg), false),
      setInterval: (run: () => void, ms = 1) => set(ms, run, true),
      clearTimeout: clear,
      clearInterval: clear,
    });
    performance.now = () => this.now;
  }

  uninstall(): void {
    const { now, ...timers } = real;
    Object.assign(globalThis, timers);
    performance.now = now;
  }

  /** Counts whole milliseconds from a time that may be one ago, as Node does. */
  #arm(timer: SimTimer, ms: number, run: () => void, every: boolean): void {
    const at = Math.floor(this.now) + Math.max(1, Math.trunc(ms));
    this.timers++;
    timer.due = this.#due(Math.max(at, this.now), () => {
      this.timers--;
      timer.due = undefined;
      if (every) this.#arm(timer, ms, run, true);
      run();
    });
    this.#timers.add(timer.due);
  }

  #due(at: number, run: () => void): Due {
    return { at, order: ++this.#order, run, cancelled: false };
  }
}

/** Lets all promises that can go on do so. */
export function settled(): Promise<void> {
  return new Promise((resolve) => real.setImmediate(resolve));
}

class Heap {
  readonly #all: Due[] = [];

  /** Of the first; `Infinity` where there is none. */
  get time(): number {
    while (this.#all[0]?.cancelled === true) this.take();
    return this.#all[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  add(due: Due): void {
    const all = this.#all;
    let place = all.push(due) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!before(due, all[parent]!)) break;
      all[place] = all[parent]!;
      place = parent;
    }
    all[place] = due;
  }

  takeUntil(time: number): Due[] {
    const taken: Due[] = [];
    while (this.time <= time) taken.push(this.take()!);
    return taken;
  }

  take(): Due | undefined {
    const all = this.#all;
    const first = all[0];
    const last = all.pop();
    if (last === undefined || last === first) return first;
    let place = 0;
    for (;;) {
      let child = place * 2 + 1;
      if (child >= all.length) break;
      if (child + 1 < all.length && before(all[child + 1]!, all[child]!)) child++;
      if (!before(all[child]!, last)) break;
      all[place] = all[child]!;
      place = child;
    }
    all[place] = last;
    return first;
  }
}

function before(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

import { ExtensionError } from "../../errors.ts";
import type { PlacedWorker } from "./placed-worker.ts";

/** Where workers come from and are. */
export interface WorkerStock {
  readonly workers: ReadonlySet<PlacedWorker>;
  /** A started worker, or one that starts; `undefined` where it is too early for one after crashes. */
  take(memoryBytes: number | undefined): PlacedWorker | undefined;
}

export interface OwnWorkersSetup {
  /** Live workers of all programs; as many again while those are held up. */
  readonly max: number;
  /** Workers of one program, but for those that hold one instance only; twice as many where its calls may cost each other their worker. */
  readonly perProgram: number;
  /** Whether calls of the program have to be alone in a worker, and there was none for one of them. */
  crowded(program: number): boolean;
}

/** Milliseconds after which a program that waits for a worker has one of another's taken, though that is never idle; and then again. */
const TURN_MS = 100;
/** Milliseconds that a worker must have been idle before a program that has one gets another in its place. */
const LONG_IDLE_MS = 1000;
/** Milliseconds that a worker without instances is kept. */
const LINGER_MS = 1000;

interface Waiter {
  readonly program: number;
  wake(): void;
}

/**
 * Workers that belong to one program each, from its first instance to their end. They are made on demand and end when they have no instance any more. Where there are as
 * many as there may be, the one that was used least recently makes room; where none is idle, programs wait in turn.
 */
export class OwnWorkers {
  readonly #stock: WorkerStock;
  readonly #setup: OwnWorkersSetup;
  readonly #waiting: Waiter[] = [];
  /** Programs that close: what waits for them waits for nothing. */
  readonly #closing = new Set<number>();
  #turns: NodeJS.Timeout | undefined;

  constructor(stock: WorkerStock, setup: OwnWorkersSetup) {
    this.#stock = stock;
    this.#setup = setup;
  }

  /**
   * A worker for one more instance of a program, held until `release`.
   *
   * @throws ExtensionError `ERR_EXT_CLOSED` where the program closes meanwhile.
   */
  async claim(program: number, memoryBytes: number | undefined): Promise<PlacedWorker> {
    for (let waited = false; ; waited = true) {
      if (this.#closing.has(program)) throw new ExtensionError("ERR_EXT_CLOSED", "the module is closed");
      const mayTry = waited || this.#waiting.length === 0 || (memoryBytes === undefined && this.#has(program));
      const worker = mayTry ? this.#choose(program, memoryBytes) : undefined;
      if (worker !== undefined) {
        worker.holds++;
        // There may be room for one more.
        this.serve();
        return worker;
      }
      await new Promise<void>((wake) => {
        if (waited) this.#waiting.unshift({ program, wake });
        else this.#waiting.push({ program, wake });
        this.#turns ??= setInterval(() => this.#turn(), TURN_MS).unref();
      });
    }
  }

  /** The worker has its instance, or does not get it. A new instance serves a call before its worker can be wanted elsewhere. */
  release(worker: PlacedWorker): void {
    setImmediate(() => {
      worker.holds--;
      this.idle(worker);
    });
  }

  /** The worker holds no call any more, or has lost an instance. */
  idle(worker: PlacedWorker): void {
    if (this.#waiting.length > 0) this.serve();
    if (!isUnused(worker)) return;
    setTimeout(() => isUnused(worker) && worker.retire(), LINGER_MS).unref();
  }

  /** There may be room. */
  serve(): void {
    this.#waiting.shift()?.wake();
    if (this.#waiting.length > 0) return;
    clearInterval(this.#turns);
    this.#turns = undefined;
  }

  close(program: number): void {
    this.#closing.add(program);
    for (const waiter of this.#waiting.filter((each) => each.program === program)) {
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      waiter.wake();
    }
  }

  forget(program: number): void {
    this.#closing.delete(program);
  }

  /** Whether what a stalled worker holds up could run elsewhere. */
  hasRelief(stalled: PlacedWorker): boolean {
    if (stalled.exclusive || this.#hasRoom()) return true;
    for (const worker of this.#stock.workers) {
      const { owner, closed } = worker;
      if (owner === stalled.owner ? !closed && !worker.stalled && !worker.exclusive : isIdle(worker)) return true;
    }
    return false;
  }

  /** Whether a call that would have to be alone in its worker can be so in another one of its program. */
  canBeAlone({ owner }: PlacedWorker): boolean {
    let workers = 0;
    for (const worker of this.#stock.workers) {
      if (worker.owner !== owner || worker.closed || worker.exclusive) continue;
      if (worker.isQuiet && !worker.stalled) return true;
      workers++;
    }
    return workers < this.#setup.perProgram * 2 && this.#hasRoom();
  }

  #has(program: number): boolean {
    for (const { owner, closed, exclusive } of this.#stock.workers)
      if (owner === program && !closed && !exclusive) return true;
    return false;
  }

  #choose(program: number, memoryBytes: number | undefined): PlacedWorker | undefined {
    if (memoryBytes !== undefined) return this.#another(program, memoryBytes, 0);
    const crowded = this.#setup.crowded(program);
    let best: PlacedWorker | undefined;
    let serving = 0;
    for (const worker of this.#stock.workers) {
      if (worker.owner !== program || worker.closed || worker.exclusive) continue;
      if (!worker.stalled) serving++;
      if (best === undefined || isBetter(worker, best, crowded)) best = worker;
    }
    if (best === undefined) return this.#another(program, undefined, 0);
    const most = this.#setup.perProgram * (crowded ? 2 : 1);
    if (!best.stalled && (best.instances === 0 || serving >= most || (crowded && best.isQuiet))) return best;
    try {
      return this.#another(program, undefined, best.stalled ? 0 : LONG_IDLE_MS) ?? best;
    } catch {
      // The system has no room for another one: what is there serves, if slower.
      return best;
    }
  }

  #another(program: number, memoryBytes: number | undefined, idleMs: number): PlacedWorker | undefined {
    if (!this.#hasRoom()) {
      this.#makeRoom(program, idleMs);
      return undefined;
    }
    const worker = this.#stock.take(memoryBytes);
    if (worker === undefined) return undefined;
    worker.owner = program;
    worker.exclusive = memoryBytes !== undefined;
    return worker;
  }

  #hasRoom(): boolean {
    const { workers } = this.#stock;
    let serving = 0;
    for (const { stalled } of workers) if (!stalled) serving++;
    return serving < this.#setup.max && workers.size < this.#setup.max * 2;
  }

  /** Ends the idle worker that was used least recently. Its room is there when it is gone. */
  #makeRoom(program: number, idleMs: number): void {
    if (this.#ending() > this.#waiting.length) return;
    const before = performance.now() - idleMs;
    let oldest: PlacedWorker | undefined;
    for (const worker of this.#stock.workers) {
      if (worker.owner === program || !isIdle(worker) || worker.idleSince > before) continue;
      if (oldest === undefined || worker.idleSince < oldest.idleSince) oldest = worker;
    }
    oldest?.retire();
  }

  /** A worker that is never idle takes no more calls, and its program waits in turn. Of the program that has most, the one that it has had longest. */
  #turn(): void {
    const first = this.#waiting[0];
    if (first !== undefined && !this.#hasRoom() && this.#ending() === 0) {
      const counts = new Map<number | undefined, number>();
      for (const { owner } of this.#stock.workers) counts.set(owner, (counts.get(owner) ?? 0) + 1);
      let victim: PlacedWorker | undefined;
      for (const worker of this.#stock.workers) {
        if (worker.owner === first.program || worker.closed || worker.holds > 0) continue;
        if (victim === undefined || counts.get(worker.owner)! > counts.get(victim.owner)!) victim = worker;
      }
      victim?.retire();
    }
    this.serve();
  }

  /** Workers that are about to make room: one that waits for a call which does not end is not. */
  #ending(): number {
    let ending = 0;
    for (const { closed, stalled } of this.#stock.workers) if (closed && !stalled) ending++;
    return ending;
  }
}

function isIdle({ closed, holds, load, isReady }: PlacedWorker): boolean {
  return !closed && holds === 0 && load === 0 && isReady;
}

function isUnused(worker: PlacedWorker): boolean {
  return worker.instances === 0 && isIdle(worker);
}

function isBetter(worker: PlacedWorker, than: PlacedWorker, crowded: boolean): boolean {
  if (worker.stalled !== than.stalled) return than.stalled;
  if (crowded && worker.isQuiet !== than.isQuiet) return worker.isQuiet;
  return worker.instances < than.instances;
}

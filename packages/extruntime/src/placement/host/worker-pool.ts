import type { Call, CompileContext } from "../../contract/engine.ts";
import { extensionClosed, nobodysCall } from "../../contract/host-functions.ts";
import { ExtensionError } from "../../errors.ts";
import type { Link, LinkEvents } from "../wire/link.ts";
import type { LOG_LEVELS } from "../wire/protocol.ts";
import type { ProgramHistory } from "./calls/program-history.ts";
import type { Patience } from "./calls/remote-call.ts";
import { OwnWorkers } from "./own-workers.ts";
import { PlacedWorker, type WorkerKind } from "./placed-worker.ts";
import { RestartBackoff } from "./restart-backoff.ts";
import { clash, mayHarm, worse } from "./worker-choice.ts";
import type { WorkerKeeper } from "./worker-keeper.ts";

export interface WorkerPoolSetup {
  readonly kind: WorkerKind;
  /** Workers that serve; as many again while those are held up. */
  readonly max: number;
  /** Workers that wait, started. */
  readonly spare: number;
  /** Set where programs do not share workers: how many each may have. */
  readonly perProgram: number | undefined;
  /** The engine can stop its guests by itself, at least some. */
  readonly softAbort: boolean;
  /** The engine runs its guests on threads of its own: none holds up another, and a worker is not ended for one. */
  readonly parallel?: boolean | undefined;
  /** @param memoryBytes of the one instance that it will hold, where that is the worker's to bound. */
  readonly connect: (events: LinkEvents, memoryBytes: number | undefined) => Link;
}

/** Who hears the lines of a program, and answers its host calls. */
export type ProgramListener = Pick<CompileContext, "log" | "host">;

/** Milliseconds between looks at workers that hold calls. */
const LOOK_MS = 10;
/** Workers in a row that may end before they began any of their calls, without cost to a call. */
const MOST_UNEXPLAINED = 3;
/** Milliseconds that `close` waits for what is left of a worker: a thread in native code ends only when that returns. */
const CLOSE_MS = 2000;

/**
 * The workers of one runtime at one placement: a module's instances are spread over them. Modules share them, or each has its own.
 * A spare one waits, since starting one takes long.
 */
export class WorkerPool implements WorkerKeeper {
  readonly patience: Patience = { factor: 1 };
  readonly #setup: WorkerPoolSetup;
  readonly #workers = new Set<PlacedWorker>();
  readonly #spares: PlacedWorker[] = [];
  /** Of all workers that were ever started and are not gone yet. */
  readonly #remains = new Set<Promise<void>>();
  readonly #listeners = new Map<number, ProgramListener>();
  /** Programs that their host has closed, while a worker may still have something to say of them. */
  readonly #forgotten = new Set<number>();
  readonly #histories = new Map<number, ProgramHistory>();
  readonly #backoff = new RestartBackoff();
  /** Where programs do not share workers. */
  readonly #own: OwnWorkers | undefined;
  /** The same: the worker in which programs are compiled that nobody calls yet. No guest ever runs in it. */
  #checker: PlacedWorker | undefined;
  /** Workers in a row that ended with calls, and neither answered nor began one. */
  #unexplained = 0;
  #looking: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(setup: WorkerPoolSetup) {
    this.#setup = setup;
    const { max, perProgram } = setup;
    if (perProgram === undefined) return;
    const stock = { workers: this.#workers, take: (memoryBytes: number | undefined) => this.#take(memoryBytes) };
    const crowded = (program: number) => this.#histories.get(program)?.crowded === true;
    this.#own = new OwnWorkers(stock, { max, perProgram, crowded });
  }

  /** A worker for one more instance of a program; it counts as the worker's from now on. */
  async forInstance(program: number, memoryBytes: number | undefined, history: ProgramHistory): Promise<PlacedWorker> {
    for (;;) {
      const worker = await this.#obtain(program, memoryBytes);
      if (worker === undefined) {
        await sleep(this.#backoff.delay());
        continue;
      }
      worker.instances++;
      worker.guests.push(history);
      try {
        await worker.whenReady();
        if (!worker.closed) return worker;
      } catch (error) {
        this.instanceClosed(worker, history);
        this.instanceMade(worker);
        throw error;
      }
      this.instanceClosed(worker, history);
      this.instanceMade(worker);
    }
  }

  /** To be told of each worker that `forInstance` gave, when the instance is there, or could not be made. */
  instanceMade(worker: PlacedWorker): void {
    this.#own?.release(worker);
  }

  /** The same for a caller that blocks its thread. */
  forInstanceNow(program: number, deadline: number, history: ProgramHistory): PlacedWorker {
    const worker = this.#choose(program);
    if (worker === undefined)
      throw new ExtensionError(
        "ERR_EXT_BUSY",
        "its workers crash again and again, and a new one is not started at once",
      );
    worker.waitUntilReady(deadline);
    worker.instances++;
    worker.guests.push(history);
    return worker;
  }

  /**
   * Has a program compiled somewhere, to see whether it compiles.
   *
   * @param soon it will be called soon: then it is compiled where that is done.
   */
  async check(program: number, soon: boolean, compile: (worker: PlacedWorker) => Promise<boolean>): Promise<void> {
    for (let here = soon; ; ) {
      const worker = await this.#forCheck(program, here);
      try {
        await worker.whenReady();
        if (await compile(worker)) return;
      } catch (error) {
        // What another one's code did to its compiler is not this one's fault.
        if (worker !== this.#checker || here || !ExtensionError.is(error, "ERR_EXT_CRASHED")) throw error;
        here = true;
      } finally {
        if (worker.owner !== undefined) this.instanceMade(worker);
      }
    }
  }

  #forCheck(program: number, soon: boolean): Promise<PlacedWorker> {
    if (this.#own === undefined) return this.#any(program);
    if (soon) return this.#own.claim(program, undefined);
    if (this.#checker === undefined || this.#checker.closed) this.#checker = this.#start(undefined);
    return Promise.resolve(this.#checker);
  }

  async #any(program: number): Promise<PlacedWorker> {
    let worker = this.#choose(program);
    while (worker === undefined) {
      await sleep(this.#backoff.delay());
      worker = this.#choose(program);
    }
    return worker;
  }

  instanceClosed(worker: PlacedWorker, history: ProgramHistory): void {
    worker.instances--;
    worker.guests.splice(worker.guests.indexOf(history), 1);
    if (worker.exclusive) worker.kill("was not needed any more");
    else this.#own?.idle(worker);
  }

  /** A program closes: what waits for a worker of its own fails. */
  closing(program: number): void {
    this.#own?.close(program);
  }

  listen(program: number, listener: ProgramListener, history: ProgramHistory): void {
    this.#listeners.set(program, listener);
    this.#histories.set(program, history);
  }

  /** Whether an instance had better live elsewhere, since its program's calls put others at risk where it is, and there is another place. */
  canPart(worker: PlacedWorker, history: ProgramHistory): boolean {
    if (this.#own !== undefined || worker.exclusive || worker.closed) return false;
    return clash(worker, history, 1) && this.#isRoomApart(history);
  }

  canBeAlone(worker: PlacedWorker, history: ProgramHistory): boolean {
    if (worker.exclusive) return false;
    if (this.#own !== undefined) return this.#own.canBeAlone(worker);
    if (this.#hasRoomApart && this.#backoff.delay() === 0) return true;
    for (const other of this.#workers)
      if (!other.closed && !other.exclusive && !other.stalled && other.isQuiet && !clash(other, history)) return true;
    return false;
  }

  mayLinger(): boolean {
    return this.#count(({ lingering }) => lingering) < this.#setup.max;
  }

  #count(which: (worker: PlacedWorker) => boolean): number {
    let count = 0;
    for (const worker of this.#workers) if (which(worker)) count++;
    return count;
  }

  get #hasRoomApart(): boolean {
    return this.#count(({ lingering, ending }) => !lingering && !ending) < this.#setup.max * 2;
  }

  /** Frees a program everywhere. */
  forget(program: number, closeKind: number): void {
    this.#forgotten.add(program);
    this.#own?.forget(program);
    for (const worker of this.#all()) {
      if (worker.served.has(program)) worker.hear();
      worker.programs.delete(program);
      if (worker.served.has(program)) worker.tell(closeKind, program);
      if (worker.owner === program) endLater(worker);
    }
    this.closed(program);
  }

  /** What a worker says before it has closed a program is still heard. */
  closed(program: number): void {
    if (!this.#forgotten.has(program)) return;
    for (const worker of this.#all()) {
      if (worker.served.has(program)) return;
      if (worker.owner === program) worker.retire();
    }
    this.#forgotten.delete(program);
    this.#listeners.delete(program);
    this.#histories.delete(program);
  }

  /** Whether what a stalled worker holds up could run elsewhere. */
  hasRelief(stalled: PlacedWorker): boolean {
    if (this.#own !== undefined) return this.#own.hasRelief(stalled);
    if (stalled.exclusive || this.#workers.size < this.#setup.max * 2) return true;
    for (const worker of this.#workers) if (!worker.stalled && !worker.closed && !worker.exclusive) return true;
    return false;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const worker of this.#all()) worker.kill("was closed");
    for (const program of this.#listeners.keys()) this.#own?.close(program);
    clearInterval(this.#looking);
    let timer: NodeJS.Timeout | undefined;
    const longEnough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([Promise.all(this.#remains), longEnough]);
    clearTimeout(timer);
  }

  log(program: number, level: (typeof LOG_LEVELS)[number], message: string, call: Call | undefined): void {
    this.#listeners.get(program)?.log(level, message, call);
  }

  hostCall(
    program: number,
    index: number,
    payload: string,
    call: Call | undefined,
    now: boolean,
  ): string | Promise<string> | undefined {
    if (this.#forgotten.has(program)) return extensionClosed();
    const host = this.#listeners.get(program)?.host;
    const name = host?.names[index];
    if (host === undefined || name === undefined) return undefined;
    if (call === undefined) return nobodysCall(name);
    return now ? host.callNow(name, payload, call) : host.call(name, payload, call);
  }

  isUnexplained(worker: PlacedWorker): boolean {
    this.#unexplained = worker.answered ? 0 : this.#unexplained + 1;
    return this.#unexplained > MOST_UNEXPLAINED;
  }

  ended(worker: PlacedWorker, expected: boolean): void {
    this.#workers.delete(worker);
    for (const program of worker.served) this.closed(program);
    const spare = this.#spares.indexOf(worker);
    if (spare >= 0) this.#spares.splice(spare, 1);
    if (!expected) this.#backoff.crashed();
    // A spare that ended by itself is not tried again until a worker is wanted.
    if (spare < 0) this.#keepSpare();
    this.#own?.serve();
  }

  idle(worker: PlacedWorker): void {
    this.#own?.idle(worker);
  }

  busy(): void {
    this.#looking ??= setInterval(() => this.#look(), LOOK_MS).unref();
  }

  #look(): void {
    let load = 0;
    for (const worker of this.#all()) {
      if (worker.load > 0) load++;
      worker.look();
    }
    if (load === 0) {
      clearInterval(this.#looking);
      this.#looking = undefined;
    } else {
      for (const worker of this.#workers) if (worker.wantsRelief && this.hasRelief(worker)) worker.handBack();
    }
  }

  #all(): PlacedWorker[] {
    const checker = this.#checker === undefined ? [] : [this.#checker];
    return [...this.#workers, ...this.#spares, ...checker];
  }

  async #obtain(program: number, memoryBytes: number | undefined): Promise<PlacedWorker | undefined> {
    if (this.#own !== undefined) return this.#own.claim(program, memoryBytes);
    return memoryBytes === undefined ? this.#choose(program) : this.#startExclusive(memoryBytes);
  }

  /** A spare, or a new one. */
  #take(memoryBytes: number | undefined): PlacedWorker | undefined {
    const spare = memoryBytes === undefined ? this.#spares.shift() : undefined;
    if (spare !== undefined) return this.#add(spare);
    return this.#backoff.delay() > 0 ? undefined : this.#add(this.#start(memoryBytes));
  }

  /** The worker where one more instance of a program does best, or a new one where none is free; `undefined` while it is too early for a new one. */
  #choose(program: number): PlacedWorker | undefined {
    const history = this.#histories.get(program);
    let best: PlacedWorker | undefined;
    let serving = 0;
    for (const worker of this.#workers) {
      if (worker.closed || worker.exclusive) continue;
      if (!worker.stalled) serving++;
      if (best === undefined || worse(best, worker, program, history)) best = worker;
    }
    const apart = best !== undefined && history !== undefined && mayHarm(best, history);
    const room = apart ? this.#hasRoomApart : serving < this.#setup.max && this.#workers.size < this.#setup.max * 2;
    if (best !== undefined && (!room || (best.instances === 0 && !best.stalled))) return best;
    try {
      return this.#take(undefined);
    } catch (error) {
      // The system has no room for another one: what is there serves, if slower.
      if (best === undefined) throw error;
      return best;
    }
  }

  #isRoomApart(history: ProgramHistory): boolean {
    if (this.#hasRoomApart && this.#backoff.delay() === 0) return true;
    for (const worker of this.#workers)
      if (!worker.closed && !worker.exclusive && !worker.stalled && !clash(worker, history)) return true;
    return false;
  }

  #startExclusive(memoryBytes: number): PlacedWorker | undefined {
    const worker = this.#take(memoryBytes);
    if (worker !== undefined) worker.exclusive = true;
    return worker;
  }

  #add(worker: PlacedWorker): PlacedWorker {
    this.#workers.add(worker);
    void worker.ready.then(
      () => this.#keepSpare(),
      () => {},
    );
    return worker;
  }

  #start(memoryBytes: number | undefined): PlacedWorker {
    const { kind, softAbort, parallel, connect } = this.#setup;
    if (this.#closed) throw new ExtensionError("ERR_EXT_CLOSED", "the runtime is closed");
    const worker = new PlacedWorker(kind, softAbort, this, (events) => connect(events, memoryBytes), parallel);
    const remains = worker.gone.then(() => {
      this.#remains.delete(remains);
    });
    this.#remains.add(remains);
    return worker;
  }

  #keepSpare(): void {
    if (this.#closed || this.#workers.size === 0 || this.#spares.length >= this.#setup.spare) return;
    const delay = this.#backoff.delay();
    if (delay > 0) {
      setTimeout(() => this.#keepSpare(), delay).unref();
      return;
    }
    try {
      this.#spares.push(this.#start(undefined));
    } catch {
      // The system has no room for it. Whoever wants a worker tries again, and is told.
    }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A worker that has ended before is not kept for it. */
function endLater(worker: PlacedWorker): void {
  const timer = setTimeout(() => worker.kill("was not needed any more"), CLOSE_MS).unref();
  void worker.gone.then(() => clearTimeout(timer));
}

import { DEFAULT_BOUNDS } from "../../contract/bounds.ts";
import {
  type Answer,
  type Call,
  type CompileContext,
  type Instance,
  NOT_STARTED,
  type Program,
  UNLIMITED,
} from "../../contract/engine.ts";
import { ExtensionError } from "../../errors.ts";
import { DeadlineTimer } from "../../kit/deadline-timer.ts";
import type { Extension } from "../../manifest/extension.ts";
import { type CompileMessage, FLAG, KIND } from "../wire/protocol.ts";
import { mostFrameBytes } from "../wire/stream.ts";
import { ProgramHistory } from "./calls/program-history.ts";
import { type Patience, PromisedAnswer, RemoteCall } from "./calls/remote-call.ts";
import { PlacedInstance } from "./placed-instance.ts";
import type { PlacedWorker } from "./placed-worker.ts";
import type { ProgramListener, WorkerPool } from "./worker-pool.ts";

const TOP_LEVEL_LATE =
  "the top level of the extension did not end within limits.loadTimeoutMs: raise it in the manifest, or have it do less when it loads";

const LATE_FOR_CALL = "the call's time was up while its instance was made, which goes on";

/** An extension ready to be sent. */
export interface PackedExtension {
  readonly message: CompileMessage;
  /** Of the files that the message lists. */
  readonly files: readonly Uint8Array[];
}

/** Times that the making of an instance is tried again after a crash. */
const MOST_CRASHES = 2;
/** The same where its time was up before a worker, which had other things to do, began with it. */
const MOST_LATE = 2;

/** Milliseconds that a caller which blocks the host waits for a thread to start. */
const MOST_START_MS = 60_000;

let programs = 0;
let instances = 0;

/**
 * @param seesFolder whether the extension's folder can be read where its instances live.
 * @param limited whether the worker is limited in memory, in place of its engine.
 */
export async function pack(
  extension: Extension,
  context: CompileContext,
  seesFolder: boolean,
  limited: boolean,
): Promise<PackedExtension> {
  const { location } = extension;
  // What only the host reads stays here; the configuration goes as its guests get it.
  const manifest = { ...extension.manifest, functions: [], metadata: {}, config: undefined };
  const dir = seesFolder ? extension.dir : undefined;
  // With a folder the rest is read there. The module is sent all the same, so that every worker runs the same code.
  const paths = dir === undefined ? await extension.list() : manifest.module === undefined ? [] : [manifest.module];
  const files = await Promise.all(paths.map((path) => extension.read(path)));
  const { memoryBytes, maxInstances, deadlines, config, fresh, bounds = DEFAULT_BOUNDS } = context;
  const message = {
    manifest,
    location,
    dir,
    memoryBytes,
    limited,
    config,
    maxInstances,
    deadlines,
    fresh,
    bounds,
    files: paths,
  };
  return { message, files };
}

/** A program whose instances live in workers. Each worker that gets one of them compiles it once. */
export class PlacedProgram implements Program {
  readonly exports: ReadonlyMap<string, number>;
  /** Running mean of its calls in their worker, in microseconds. */
  meanMicros = Number.POSITIVE_INFINITY;
  readonly pool: WorkerPool;
  readonly id = ++programs;
  readonly history = new ProgramHistory();
  readonly #patience: Patience = { factor: 1 };
  readonly #packed: PackedExtension;
  /** Set where the worker is to keep the instance's memory limit. */
  readonly #workerMemory: number | undefined;

  constructor(pool: WorkerPool, packed: PackedExtension, workerMemory: number | undefined, listener: ProgramListener) {
    this.pool = pool;
    this.#packed = packed;
    this.#workerMemory = workerMemory;
    const { exports } = packed.message.manifest as { exports: readonly string[] };
    this.exports = new Map(exports.map((name, index) => [name, index]));
    pool.listen(this.id, listener, this.history);
  }

  /**
   * Compiles it in one worker, to see whether it compiles at all.
   *
   * @param soon an instance of it is wanted next.
   */
  async check(soon: boolean): Promise<void> {
    if (this.#workerMemory !== undefined) return;
    await started(() => this.pool.check(this.id, soon, (worker) => notHandedBack(this.#compileIn(worker))));
  }

  async instantiate({ deadline }: Call): Promise<Instance> {
    // For the top level of the guest: a worker that has to start first does not count.
    const forMs = deadline - performance.now();
    for (let crashes = 0, late = 0; ; ) {
      const worker = await started(() => this.pool.forInstance(this.id, this.#workerMemory, this.history));
      const id = ++instances;
      try {
        if (await notHandedBack(this.#compileIn(worker).then(() => this.#instantiateIn(worker, id, forMs))))
          return new PlacedInstance(this, worker, id);
      } catch (error) {
        this.pool.instanceClosed(worker, this.history);
        // Another guest of that worker may be the one that made it crash.
        if (!ExtensionError.is(error, "ERR_EXT_CRASHED") || ++crashes > MOST_CRASHES) throw error;
        continue;
      } finally {
        this.pool.instanceMade(worker);
      }
      const wasLost = worker.closed || worker.stalled;
      this.pool.instanceClosed(worker, this.history);
      if (!wasLost && deadline !== Number.POSITIVE_INFINITY && ++late > MOST_LATE)
        throw new ExtensionError("ERR_EXT_TIMEOUT", "no worker began with the top level of the extension in time");
    }
  }

  /** Blocks this thread. What is not made by `until` is made all the same, and closed. */
  instantiateSync({ deadline }: Call, until: number): Instance {
    const now = performance.now();
    // For the top level of the guest: a worker that has to start first does not count.
    const forMs = deadline - now;
    const worker = this.pool.forInstanceNow(this.id, Math.min(now + MOST_START_MS, until), this.history);
    const id = ++instances;
    let abandoned = false;
    const closed = () => this.pool.instanceClosed(worker, this.history);
    const answer: Answer = {
      succeed: () => {
        if (!abandoned) return;
        worker.tell(KIND.closeInstance, id);
        closed();
      },
      fail: () => abandoned && closed(),
    };
    const limits: Call = { deadline: performance.now() + forMs, signal: undefined };
    const made = new RemoteCall(limits, answer, this.#patience);
    const compiled = worker.programs.has(this.id) ? undefined : this.#sendProgram(worker, new PromisedAnswer());
    try {
      worker.ask(made, KIND.instantiate, FLAG.sync, 0, this.id, String(id));
      waitFor(worker, made, compiled, until);
      return new PlacedInstance(this, worker, id);
    } catch (error) {
      // It is tried again before anybody hears of it.
      if (compiled?.error !== undefined) worker.programs.delete(this.id);
      if (made.settled) closed();
      else abandoned = true;
      throw error;
    }
  }

  closing(): void {
    this.pool.closing(this.id);
  }

  close(): void {
    this.pool.forget(this.id, KIND.closeProgram);
  }

  #compileIn(worker: PlacedWorker): Promise<string> {
    const compiled = worker.programs.get(this.id);
    if (compiled !== undefined) return compiled;
    const answer = new PromisedAnswer();
    this.#sendProgram(worker, answer);
    return answer.promise;
  }

  #sendProgram(worker: PlacedWorker, answer: PromisedAnswer): RemoteCall {
    const { message, files } = this.#packed;
    const call = new RemoteCall(UNLIMITED, answer, this.#patience);
    const { promise } = answer;
    worker.programs.set(this.id, promise);
    // What failed is tried again by the next who wants it.
    promise.catch(() => worker.programs.get(this.id) === promise && worker.programs.delete(this.id));
    worker.served.add(this.id);
    worker.allow(mostFrameBytes(message.bounds));
    for (const file of files) worker.tell(KIND.file, this.id, file);
    worker.ask(call, KIND.compile, 0, 0, this.id, JSON.stringify(message));
    return call;
  }

  async #instantiateIn(worker: PlacedWorker, id: number, forMs: number): Promise<string> {
    const limits: Call = { deadline: performance.now() + forMs, signal: undefined };
    const answer = new PromisedAnswer();
    const { promise } = answer;
    const call = new RemoteCall(limits, answer, this.#patience);
    worker.ask(call, KIND.instantiate, 0, 0, this.id, String(id));
    if (limits.deadline === Number.POSITIVE_INFINITY) return promise;
    let late = false;
    const onDeadline = () => {
      late = true;
      worker.abort(call);
    };
    const timer = new DeadlineTimer(limits.deadline, onDeadline);
    try {
      return await promise;
    } catch (error) {
      // Taken back before it began: its worker had other things to do.
      if (!late || (error === NOT_STARTED && !call.started)) throw error;
      throw new ExtensionError("ERR_EXT_TIMEOUT", TOP_LEVEL_LATE, {
        cause: error,
      });
    } finally {
      timer.stop();
    }
  }
}

/** A worker that has started. One that ended meanwhile says nothing of the next. */
async function started<T>(wanted: () => Promise<T>): Promise<T> {
  for (let crashes = 0; ; ) {
    try {
      return await wanted();
    } catch (error) {
      if (!ExtensionError.is(error, "ERR_EXT_CRASHED") || ++crashes > MOST_CRASHES) throw error;
    }
  }
}

/** `false` where the worker ended, or is held up, before it began. */
async function notHandedBack(asked: Promise<string>): Promise<boolean> {
  try {
    await asked;
    return true;
  } catch (error) {
    if (error === NOT_STARTED) return false;
    throw error;
  }
}

/** @throws what kept the instance from being made; `ERR_EXT_TIMEOUT` past its deadline, and then the worker is ended, and past `until`. */
function waitFor(worker: PlacedWorker, made: RemoteCall, compiled: RemoteCall | undefined, until: number): void {
  worker.waitFor(made, false, until);
  if (made.result !== undefined) return;
  for (const call of [compiled, made]) if (call?.error !== undefined && call.error !== NOT_STARTED) throw call.error;
  if (made.settled || compiled?.error === NOT_STARTED)
    throw new ExtensionError(
      "ERR_EXT_CRASHED",
      "its worker has ended, or was held up, while the instance was made; call again",
    );
  if (performance.now() < made.limits.deadline) throw new ExtensionError("ERR_EXT_TIMEOUT", LATE_FOR_CALL);
  worker.kill("was ended to stop the top level of an extension whose time was up");
  throw new ExtensionError("ERR_EXT_TIMEOUT", TOP_LEVEL_LATE);
}

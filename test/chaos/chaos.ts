import { setTimeout as sleep } from "node:timers/promises";
import type { Module, Runtime } from "../../packages/extruntime/dist/index.js";
import { descendants, end } from "./children.ts";
import { guestFiles, type Op, type Task } from "./guests.ts";
import { Pace } from "./pace.ts";
import { Random } from "./random.ts";
import { faultOf, REASON } from "./verdict.ts";

/** Milliseconds that are left to a call beyond its deadline. The same thread keeps both times, so a load delays both. */
const GRACE_MS = 15_000;
const QUIET: Quiet = { fairMs: 60_000, ms: 240_000 };
/** Milliseconds between looks at what has no limit. */
const LOOK_MS = 1000;
/** Calls under way at a time. */
const MOST_CALLS = 120;
const MODULES_A_RUNTIME = 3;

export interface Report {
  readonly calls: number;
  readonly answered: number;
  /** How calls failed, with how many did so. */
  readonly codes: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
  /** By engine and placement: milliseconds that a call took at the most. */
  readonly slowest: Readonly<Record<string, number>>;
  /** How many times slower than at rest the machine was at its worst. */
  readonly slowdown: number;
}

interface Live {
  readonly module: Module;
  readonly runtime: Runtime;
  readonly hosted: boolean;
  readonly limited: boolean;
  readonly shortQueue: boolean;
  closed: boolean;
  /** When a call of it last ended. */
  moved: Moment;
}

/** On both clocks. */
interface Moment {
  readonly fairMs: number;
  readonly ms: number;
}

export interface ChaosOptions {
  /** Milliseconds that calls are made. */
  readonly ms: number;
  readonly runtimes: () => Promise<Runtime[]>;
  /** Milliseconds in which something without a limit must come on: as a machine at rest has them, and by the clock. */
  readonly quiet?: Quiet;
}

interface Quiet {
  readonly fairMs: number;
  readonly ms: number;
}

/** One run: decisions come from the seed; how far it gets in its time, and what meets what, is the machine's. */
export async function chaos(seed: number, options: ChaosOptions): Promise<Report> {
  const run = new Run(seed, options);
  try {
    return await run.go();
  } finally {
    await run.close();
  }
}

class Run {
  readonly #seed: number;
  readonly #ms: number;
  readonly #makeRuntimes: () => Promise<Runtime[]>;
  readonly #quiet: Quiet;
  readonly #random: Random;
  readonly #modules: Live[] = [];
  readonly #disturbances = new Map<Runtime, number>();
  readonly #codes: Record<string, number> = {};
  readonly #faults: string[] = [];
  readonly #underWay = new Set<Promise<void>>();
  readonly #slowest: Record<string, number> = {};
  readonly #pace = new Pace();
  #runtimes: Runtime[] = [];
  #calls = 0;
  #answered = 0;
  #loads = 0;

  constructor(seed: number, { ms, runtimes, quiet = QUIET }: ChaosOptions) {
    this.#seed = seed;
    this.#ms = ms;
    this.#makeRuntimes = runtimes;
    this.#quiet = quiet;
    this.#random = new Random(seed);
  }

  async go(): Promise<Report> {
    this.#runtimes = await this.#makeRuntimes();
    for (let i = 0; i < MODULES_A_RUNTIME; i++) for (const runtime of this.#runtimes) await this.#load(runtime);
    const until = performance.now() + this.#ms;
    while (performance.now() < until) {
      this.#act();
      // Timers and answers have their turn; at times many calls are made at once.
      if (this.#underWay.size >= MOST_CALLS) await Promise.race(this.#underWay);
      else if (this.#random.chance(0.3)) await sleep(this.#random.whole(0, 5));
    }
    await Promise.all(this.#underWay);
    return {
      calls: this.#calls,
      answered: this.#answered,
      codes: this.#codes,
      faults: this.#faults,
      slowest: this.#slowest,
      slowdown: Math.round(this.#pace.slowest),
    };
  }

  async close(): Promise<void> {
    await this.#inTime(
      Promise.all(this.#runtimes.map((runtime) => runtime.close({ abort: true }))),
      () => "the runtimes did not close",
    );
    const closed = this.#now;
    while (this.#children().length > 0 && !this.#isLong(closed)) await sleep(50);
    const left = this.#children();
    this.#pace.stop();
    if (left.length > 0) this.#fault(`${left.length} processes were left: ${left.join(", ")}`);
  }

  get #now(): Moment {
    return { fairMs: this.#pace.fairMs, ms: performance.now() };
  }

  #isLong({ fairMs, ms }: Moment): boolean {
    return this.#pace.fairMs - fairMs > this.#quiet.fairMs || performance.now() - ms > this.#quiet.ms;
  }

  /** Worker processes, and what came from them. */
  #children(): number[] {
    return descendants().filter((pid) => pid !== this.#pace.pid);
  }

  #act(): void {
    const random = this.#random;
    // All may be on their way.
    if (this.#modules.length === 0) return;
    if (random.chance(0.01)) this.#comeAndGo();
    else if (random.chance(0.003)) this.#killWorker();
    else for (let i = random.chance(0.1) ? random.whole(5, 40) : 1; i > 0; i--) this.#follow(this.#call());
  }

  #follow(done: Promise<void>): void {
    const settled = done.then(() => {
      this.#underWay.delete(settled);
    });
    this.#underWay.add(settled);
  }

  #comeAndGo(): void {
    const live = this.#random.pick(this.#modules);
    const abort = this.#random.chance(0.5);
    this.#modules.splice(this.#modules.indexOf(live), 1);
    live.closed = abort;
    const name = `${live.runtime.name}/${live.module.placement}`;
    // A guest that cannot be stopped is waited for; one that can ends.
    this.#follow(this.#inTime(live.module.close({ abort }), () => `a module of ${name} did not close`));
    this.#follow(this.#load(live.runtime));
  }

  async #load(runtime: Runtime): Promise<void> {
    const random = this.#random;
    const hosted = random.chance(0.5);
    const limited = random.chance(0.4) && runtime.capabilities.memoryLimit && runtime.name !== "pyvm";
    const shortQueue = random.chance(0.1);
    const { module, files } = await guestFiles(runtime.name);
    const needsHost = hosted || runtime.name === "wasm";
    const limits = {
      maxInstances: random.whole(1, 3),
      ...(limited ? { memoryMb: runtime.name === "native" ? 64 : 32 } : {}),
      ...(shortQueue ? { maxQueue: 5 } : {}),
    };
    const manifest = {
      name: `guest-${++this.#loads}`,
      runtime: runtime.name,
      module,
      exports: ["run"],
      permissions: needsHost ? ["tell"] : [],
      limits,
    };
    const later = (n: number) => sleep(n % 20).then(() => n);
    const tell = (id: unknown) => (Number(id) % 3 === 0 ? id : later(Number(id)));
    const load = runtime.load({ manifest, files }, { ...(needsHost ? { hostFunctions: { tell } } : {}), logger: {} });
    const loaded = await this.#inTime(load, () => `a load of ${runtime.name}/${runtime.placement} did not end`, {
      runtime,
    });
    if (loaded !== undefined)
      this.#modules.push({
        module: loaded,
        runtime,
        hosted: needsHost,
        limited,
        shortQueue,
        closed: false,
        moved: this.#now,
      });
  }

  /** A worker process, or the supervisor before it. */
  #killWorker(): void {
    const all = this.#children();
    if (all.length === 0) return;
    for (const runtime of this.#runtimes) if (runtime.placement === "process") this.#disturb(runtime);
    end(this.#random.pick(all));
  }

  #disturb(runtime: Runtime): void {
    this.#disturbances.set(runtime, performance.now());
  }

  async #call(): Promise<void> {
    const live = this.#random.pick(this.#modules);
    const { module, runtime } = live;
    const task: Task = { id: ++this.#calls, op: this.#opFor(live), size: this.#random.whole(0, 300_000) };
    const { timeoutMs, signalMs } = this.#limitsFor(task.op, runtime);
    const controller = signalMs === undefined ? undefined : new AbortController();
    const timer = signalMs === undefined ? undefined : setTimeout(() => controller?.abort(REASON), signalMs);
    const started = performance.now();
    const ends =
      task.op === "spin" ||
      task.op === "hog" ||
      task.op === "exit" ||
      timeoutMs !== undefined ||
      signalMs !== undefined;
    if (ends) this.#disturb(runtime);
    const options = { timeoutMs, signal: controller?.signal };
    const what = `call ${task.id} (${task.op}) of ${runtime.name}/${module.placement}${timeoutMs === undefined ? "" : `, timeoutMs ${timeoutMs}`}`;
    let outcome: { value: unknown } | { error: unknown } | undefined;
    const settled = module.call("run", task, options).then(
      (value) => {
        outcome = { value };
      },
      (error: unknown) => {
        outcome = { error };
      },
    );
    await this.#inTime(settled, () => `${what} did not end: ${JSON.stringify(module.stats())}`, { live, timeoutMs });
    clearTimeout(timer);
    live.moved = this.#now;
    const place = `${runtime.name}/${module.placement}`;
    this.#slowest[place] = Math.max(this.#slowest[place] ?? 0, Math.round(performance.now() - started));
    if (ends) this.#disturb(runtime);
    if (outcome === undefined) return;
    this.#count(outcome);
    const disturbed = module.placement !== "inline" && (this.#disturbances.get(runtime) ?? 0) >= started;
    const signalled = signalMs !== undefined;
    const fault = faultOf(task, outcome, {
      timeoutMs,
      signalled,
      closed: live.closed,
      disturbed,
      shortQueue: live.shortQueue,
    });
    if (fault !== undefined) this.#fault(`${what}: ${fault}`);
  }

  #opFor({ module, runtime, hosted, limited }: Live): Op {
    const { deadline, memoryLimit } = runtime.capabilities;
    const ops: Op[] = ["echo", "echo", "echo", "echo", "throw", "big"];
    // What native guests print is the host's own output.
    if (runtime.name !== "native") ops.push("log");
    const awaits = runtime.name !== "wasm" && runtime.name !== "pyvm";
    if (awaits) ops.push("wait", "wait");
    // On the caller's thread a WebAssembly guest cannot wait for an answer that comes later.
    if (hosted && !(runtime.name === "wasm" && module.placement === "inline")) ops.push("host", "host");
    if (this.#random.chance(0.05)) {
      if (deadline !== false) ops.push("spin", "spin", "spin");
      if (limited && memoryLimit) ops.push("hog", "hog");
      if (runtime.name === "native" && module.placement !== "inline") ops.push("exit");
    }
    return this.#random.pick(ops);
  }

  #limitsFor(op: Op, { capabilities }: Runtime): { timeoutMs: number | undefined; signalMs: number | undefined } {
    const random = this.#random;
    const canSignal = capabilities.signal !== false;
    const bySignal = canSignal && random.chance(op === "spin" ? 0.4 : 0.03);
    const byDeadline = capabilities.deadline !== false && random.chance(0.2);
    const ms = random.whole(5, 150);
    if (op === "spin" && !bySignal) return { timeoutMs: ms, signalMs: undefined };
    return { timeoutMs: byDeadline ? 20_000 : undefined, signalMs: bySignal ? ms : undefined };
  }

  #count(outcome: { value: unknown } | { error: unknown }): void {
    if ("value" in outcome) {
      this.#answered++;
      return;
    }
    const code = (outcome.error as { code?: string }).code ?? "aborted";
    this.#codes[code] = (this.#codes[code] ?? 0) + 1;
  }

  /**
   * What it resolves to, or undefined where it took too long or failed: both are faults, but for a worker that was ended meanwhile. What has
   * no deadline may take as long as other calls of its module end.
   */
  async #inTime<T>(promise: Promise<T>, fault: () => string, about: Bound = {}): Promise<T | undefined> {
    const { runtime, live, timeoutMs } = about;
    const begun = this.#now;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      const giveUp = () => {
        this.#fault(`${fault()}, after ${Math.round(performance.now() - begun.ms)} ms`);
        resolve(undefined);
      };
      const look = () => {
        const moved = live !== undefined && live.moved.ms > begun.ms ? live.moved : begun;
        if (this.#isLong(moved)) giveUp();
        else timer = setTimeout(look, LOOK_MS);
      };
      timer = timeoutMs === undefined ? setTimeout(look, LOOK_MS) : setTimeout(giveUp, timeoutMs + GRACE_MS);
    });
    try {
      return await Promise.race([promise, late]);
    } catch (error) {
      const disturbed = runtime !== undefined && (this.#disturbances.get(runtime) ?? 0) >= begun.ms;
      if (!disturbed) this.#fault(`${fault()}: ${String(error)}`);
      else this.#follow(this.#load(runtime));
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  #fault(what: string): void {
    if (this.#faults.length < 50) this.#faults.push(`seed ${this.#seed}: ${what}`);
  }
}

/** What bounds a wait. */
interface Bound {
  /** It may fail where a worker of this runtime was ended. */
  readonly runtime?: Runtime | undefined;
  /** A call of this module. */
  readonly live?: Live | undefined;
  readonly timeoutMs?: number | undefined;
}

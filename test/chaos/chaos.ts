import { setTimeout as sleep } from "node:timers/promises";
import type { Module, Runtime } from "../../packages/extruntime/dist/index.js";
import { descendants, end } from "./children.ts";
import { guestFiles, type Op, type Task } from "./guests.ts";
import { Random } from "./random.ts";
import { makeRuntimes } from "./runtimes.ts";
import { faultOf, REASON } from "./verdict.ts";

/** What is left to a call beyond its deadline, and to one without a deadline in all, in milliseconds: a machine may be loaded twenty times. */
const GRACE_MS = 15_000;
const UNBOUNDED_MS = 90_000;
/** Milliseconds for a runtime to close. */
const CLOSE_MS = 30_000;
/** Calls under way at a time. */
const MOST_CALLS = 120;
const MODULES_A_RUNTIME = 3;

export interface Report {
  readonly calls: number;
  readonly answered: number;
  /** How calls failed, with how many did so. */
  readonly codes: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
}

interface Live {
  readonly module: Module;
  readonly runtime: Runtime;
  readonly hosted: boolean;
  readonly limited: boolean;
  readonly shortQueue: boolean;
  closed: boolean;
}

/** One run: decisions come from the seed; how far it gets in its time, and what meets what, is the machine's. */
export async function chaos(seed: number, ms: number): Promise<Report> {
  const run = new Run(seed);
  try {
    return await run.go(ms);
  } finally {
    await run.close();
  }
}

class Run {
  readonly #seed: number;
  readonly #random: Random;
  readonly #modules: Live[] = [];
  readonly #disturbances = new Map<Runtime, number>();
  readonly #codes: Record<string, number> = {};
  readonly #faults: string[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #runtimes: Runtime[] = [];
  #calls = 0;
  #answered = 0;
  #loads = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new Random(seed);
  }

  async go(ms: number): Promise<Report> {
    this.#runtimes = await makeRuntimes();
    for (let i = 0; i < MODULES_A_RUNTIME; i++) for (const runtime of this.#runtimes) await this.#load(runtime);
    const until = performance.now() + ms;
    while (performance.now() < until) {
      this.#act();
      // Timers and answers have their turn; at times many calls are made at once.
      if (this.#underWay.size >= MOST_CALLS) await Promise.race(this.#underWay);
      else if (this.#random.chance(0.3)) await sleep(this.#random.whole(0, 5));
    }
    await Promise.all(this.#underWay);
    return { calls: this.#calls, answered: this.#answered, codes: this.#codes, faults: this.#faults };
  }

  async close(): Promise<void> {
    await this.#inTime(
      Promise.all(this.#runtimes.map((runtime) => runtime.close({ abort: true }))),
      CLOSE_MS,
      "the runtimes did not close",
    );
    for (let i = 0; i < 100 && descendants().length > 0; i++) await sleep(50);
    const left = descendants();
    if (left.length > 0) this.#fault(`${left.length} processes were left: ${left.join(", ")}`);
  }

  #act(): void {
    const random = this.#random;
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
    this.#follow(this.#inTime(live.module.close({ abort }), UNBOUNDED_MS, `a module of ${name} did not close`));
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
      pool: random.whole(1, 3),
      ...(limited ? { memoryMb: runtime.name === "native" ? 64 : 32 } : {}),
      ...(shortQueue ? { queue: 5 } : {}),
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
    const loaded = await this.#inTime(
      load,
      UNBOUNDED_MS,
      `a load of ${runtime.name}/${runtime.placement} did not end`,
      runtime,
    );
    if (loaded !== undefined)
      this.#modules.push({ module: loaded, runtime, hosted: needsHost, limited, shortQueue, closed: false });
  }

  /** A worker process, or the supervisor before it. */
  #killWorker(): void {
    const all = descendants();
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
    const bound = timeoutMs === undefined ? UNBOUNDED_MS : timeoutMs + GRACE_MS;
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
    await this.#inTime(settled, bound, `${what} did not end in ${bound} ms`);
    clearTimeout(timer);
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

  /** What it resolves to, or undefined where it took too long or failed: both are faults, but for a worker that was ended meanwhile. */
  async #inTime<T>(promise: Promise<T>, ms: number, fault: string, runtime?: Runtime): Promise<T | undefined> {
    const started = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => {
        this.#fault(fault);
        resolve(undefined);
      }, ms);
    });
    try {
      return await Promise.race([promise, late]);
    } catch (error) {
      const disturbed = runtime !== undefined && (this.#disturbances.get(runtime) ?? 0) >= started;
      if (!disturbed) this.#fault(`${fault}: ${String(error)}`);
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

import { getEventListeners } from "node:events";
import type { LoadedModule } from "../../dist/call/module.js";
import { SimClock, settled } from "./clock.ts";
import type { Core } from "./core.ts";
import { goesOn, needsStop, type Script } from "./guest-script.ts";
import { type CallPlan, type Plan, planOf } from "./plan.ts";
import { Random } from "./random.ts";
import { SimProcessLink, SimThreadLink } from "./sim-links.ts";
import { simModule } from "./sim-module.ts";
import type { SimWorker } from "./sim-worker.ts";
import type { World } from "./world.ts";

export interface Cores {
  readonly usual: Core;
  readonly fewSlots: Core;
}

/** Milliseconds of the simulated clock in which all must have come to its end. */
const LONGEST_MS = 60_000;

/** The same of a caller that blocks the host and has no limit: it is told that its worker is held up. */
const MOST_BLOCKED_MS = 20_000;
/** Milliseconds that an engine has to stop a call, and its host to see to that. */
const GRACE_MS = 110;
/** What a caller that blocks the host is told of a call that has not begun. */
const NOT_BEGUN = /before the call began|did not start|while the instance was made|crash again and again/;

/** What is lost by rounding at the most. */
const ROUNDED_MS = 1e-6;

const TRACE = process.env.EXTRUNTIME_SIMULATION_TRACE !== undefined;

/** One call, as its caller sees it. */
interface Sent {
  readonly script: Script;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly at: number;
  readonly module: Loaded;
  /** Its caller blocks the host. */
  readonly sync: boolean;
  begun: SimWorker | undefined;
  outcome: "none" | "answered" | "failed";
}

interface Loaded {
  readonly module: LoadedModule;
  readonly pool: number;
  readonly queue: number;
  readonly timeoutMs: number | undefined;
  aborted: boolean;
  /** Ids of its calls, in the order in which guests began them and callers had their answers. */
  readonly begun: number[];
  readonly answered: number[];
}

/** Runs the schedule of a seed, and throws what is wrong with its outcome. */
export async function runSchedule(seed: number, cores: Cores): Promise<Plan> {
  const random = new Random(seed);
  const plan = planOf(random);
  const clock = new SimClock();
  const { stackTraceLimit } = Error;
  clock.install();
  // Stacks would take half of the time.
  Error.stackTraceLimit = TRACE ? stackTraceLimit : 0;
  try {
    await new Run(plan, random, clock, plan.fewSlots ? cores.fewSlots : cores.usual).whole();
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}\n${(error as Error).stack}\n${JSON.stringify(plan)}`);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    clock.uninstall();
  }
  return plan;
}

class Run implements World {
  readonly core: Core;
  readonly clock: SimClock;
  readonly random: Random;
  readonly softAbort: boolean;
  readonly startFailures: number;
  workersMade = 0;
  readonly workers = new Map<SimWorker, unknown>();
  readonly #plan: Plan;
  readonly #pool;
  readonly #budget;
  readonly #signals = new Map<number, AbortController>();
  readonly #allSignals: AbortSignal[] = [];
  readonly #sent: Sent[] = [];
  readonly #modules: Loaded[] = [];
  readonly #closing: Promise<void>[] = [];
  #open = 0;
  #crashes = 0;
  #fault: Error | undefined;

  constructor(plan: Plan, random: Random, clock: SimClock, core: Core) {
    this.#plan = plan;
    this.random = random;
    this.clock = clock;
    this.core = core;
    this.softAbort = plan.softAbort;
    this.startFailures = plan.startFailures;
    this.#budget = new core.InstanceBudget({ maxInstances: plan.maxInstances, idleMs: 700 });
    const SimLink = plan.kind === "thread" ? SimThreadLink : SimProcessLink;
    this.#pool = new core.WorkerPool({
      kind: plan.kind,
      max: plan.max,
      spare: plan.spare,
      perProgram: plan.own ? plan.max : undefined,
      softAbort: plan.softAbort,
      connect: (events) => new SimLink(this, events),
    });
  }

  async whole(): Promise<void> {
    for (let number = 0; number < this.#plan.modules.length; number++) this.#load(number);
    for (const step of this.#plan.steps) {
      await this.#pass(step.after);
      if (step.do === "calls") for (const call of step.calls) this.#call(step.module, call);
      else if (step.do === "abort") this.#abort(step.signal);
      else if (step.do === "block") this.clock.blockHost(step.ms);
      else if (step.do === "crash") [...this.workers.keys()][step.worker]?.crash("was killed by somebody else");
      else this.#reload(step.module, step.abort);
      await settled();
      this.#checkBounds();
    }
    for (const signal of [...this.#signals.keys()]) if (this.#isNeeded(signal)) this.#abort(signal);
    if (!(await this.clock.run(this.clock.now + LONGEST_MS, () => this.#open === 0 || this.#fault !== undefined)))
      this.#fail(`calls are never answered: ${this.#describe()}`);
    this.#throwFault();
    // What is still being made for calls that gave up may move from one worker that is held to the next, some seconds each.
    await this.#pass(5000);
    this.#checkRest();
    await this.#close();
  }

  began(id: number, worker: SimWorker): void {
    const sent = this.#sent[id]!;
    if (sent.begun !== undefined) this.#fail(`call ${id} was begun twice`);
    sent.begun = worker;
    const { begun, pool } = sent.module;
    // Who blocks the host goes before others.
    if (sent.sync) return;
    if (pool === 1 && begun.length > 0 && begun.at(-1)! > id) this.#fail(`call ${id} was begun after ${begun.at(-1)}`);
    begun.push(id);
  }

  crashed(worker: SimWorker): void {
    this.trace(() => `worker ${worker.number} ends by itself`);
    this.#crashes++;
  }

  trace(line: () => string): void {
    if (TRACE) console.log(this.clock.now.toFixed(3), line());
  }

  async #pass(ms: number): Promise<void> {
    await this.clock.run(this.clock.now + ms, () => this.#fault !== undefined);
    this.#throwFault();
  }

  #load(number: number): void {
    const plan = this.#plan.modules[number]!;
    const module = simModule({
      world: this,
      number,
      placement: this.#plan.kind,
      plan,
      workers: this.#pool,
      budget: this.#budget,
      onCloseError: (error) => this.#fail(`an instance failed to close: ${String(error)}`),
    });
    this.#modules[number] = { module, ...plan, aborted: false, begun: [], answered: [] };
  }

  #reload(number: number, abort: boolean): void {
    const loaded = this.#modules[number]!;
    this.#closeModule(loaded, abort);
    this.#load(number);
  }

  #closeModule(loaded: Loaded, abort: boolean): void {
    // What nothing else ends has to be.
    const endless = this.#sent.some(
      ({ module, outcome, script, timeoutMs }) =>
        module === loaded && outcome === "none" && needsStop(script.does) && timeoutMs === undefined,
    );
    loaded.aborted = abort || endless;
    this.#closing.push(loaded.module.close({ abort: loaded.aborted }));
  }

  /** Whether a call ends by this signal alone. */
  #isNeeded(number: number): boolean {
    const signal = this.#signals.get(number)?.signal;
    return this.#sent.some(
      ({ script, timeoutMs, ...sent }) =>
        sent.signal === signal && timeoutMs === undefined && (needsStop(script.does) || goesOn(script.does)),
    );
  }

  #call(number: number, { does, ms, timeoutMs, signal: signalNumber, sync }: CallPlan): void {
    const loaded = this.#modules[number]!;
    const id = this.#sent.length;
    const script: Script = { id, does, ms };
    const signal = signalNumber === undefined ? undefined : this.#signal(signalNumber);
    const limit = timeoutMs ?? this.#plan.modules[number]!.timeoutMs;
    const sent: Sent = {
      script,
      timeoutMs: limit,
      signal,
      at: this.clock.now,
      module: loaded,
      sync,
      begun: undefined,
      outcome: "none",
    };
    this.#sent.push(sent);
    this.#open++;
    this.trace(
      () =>
        `call ${id} to module ${number}: ${does} ${ms}, limit ${limit}, signal ${signalNumber}${sync ? ", synchronous" : ""}`,
    );
    if (sync) {
      this.#callNow(sent, timeoutMs);
      return;
    }
    const full = loaded.module.stats().queued >= loaded.queue;
    loaded.module.invoke("run", JSON.stringify(script), { timeoutMs, signal }).then(
      (text) => this.#answered(sent, text),
      (error: unknown) => this.#failed(sent, error, full),
    );
  }

  #callNow(sent: Sent, timeoutMs: number | undefined): void {
    const { module, script } = sent;
    try {
      this.#answered(sent, module.module.invokeSync("run", JSON.stringify(script), { timeoutMs }));
    } catch (error) {
      this.#failed(sent, error, false);
    }
    const most = (sent.timeoutMs ?? MOST_BLOCKED_MS) + (module.timeoutMs ?? 0) + GRACE_MS;
    const took = this.clock.now - sent.at;
    if (took > most) this.#fail(`call ${script.id} blocked the host for ${took} ms`);
  }

  #signal(number: number): AbortSignal {
    let controller = this.#signals.get(number);
    if (controller === undefined) {
      controller = new AbortController();
      this.#signals.set(number, controller);
      this.#allSignals.push(controller.signal);
    }
    return controller.signal;
  }

  #abort(number: number): void {
    this.trace(() => `signal ${number} fires`);
    this.#signals.get(number)?.abort(`signal ${number}`);
    this.#signals.delete(number);
  }

  #answered(sent: Sent, text: string): void {
    this.#settle(sent, "answered");
    const { id, does } = sent.script;
    if (text !== String(id)) this.#fail(`call ${id} has the answer of ${text}`);
    if (sent.begun === undefined) this.#fail(`call ${id} has an answer, and was never begun`);
    if (does === "fail" || does === "crash" || needsStop(does)) this.#fail(`call ${id}, which ${does}s, has an answer`);
    if (sent.sync) return;
    const { answered, pool } = sent.module;
    if (pool === 1 && answered.length > 0 && answered.at(-1)! > id)
      this.#fail(`call ${id} is answered after ${answered.at(-1)}`);
    answered.push(id);
  }

  #failed(sent: Sent, error: unknown, full: boolean): void {
    this.#settle(sent, "failed");
    const { script, signal, timeoutMs, module, at } = sent;
    const code = (error as { code?: string }).code;
    const took = this.clock.now - at + ROUNDED_MS;
    const right =
      (sent.sync && this.#mayRefuse(code, sent, String(error))) ||
      (code === undefined
        ? signal?.aborted === true && error === signal.reason
        : code === "ERR_EXT_TIMEOUT"
          ? (timeoutMs !== undefined && took >= timeoutMs) || this.#isOfTopLevel(error, sent)
          : code === "ERR_EXT_CLOSED"
            ? module.aborted
            : code === "ERR_EXT_BUSY"
              ? full && took <= ROUNDED_MS
              : code === "ERR_EXT_GUEST"
                ? script.does === "fail"
                : code === "ERR_EXT_CRASHED" && this.#mayCrash(sent));
    if (!right)
      this.#fail(
        `call ${script.id}, which does ${script.does}, failed after ${took} ms with ${code}: ${String(error)}`,
      );
  }

  /** What a caller that blocks the host is told, and no other. */
  #mayRefuse(code: string | undefined, { script, begun }: Sent, message: string): boolean {
    if (code === "ERR_EXT_UNSUPPORTED") return begun !== undefined && goesOn(script.does);
    if (code === "ERR_EXT_BUSY") return begun === undefined;
    return code === "ERR_EXT_CRASHED" && begun === undefined && NOT_BEGUN.test(message);
  }

  /** Its instance was not made within the limit of its module. */
  #isOfTopLevel(error: unknown, { begun, at, module }: Sent): boolean {
    const { timeoutMs } = module;
    if (timeoutMs === undefined || this.clock.now - at + ROUNDED_MS < timeoutMs || begun !== undefined) return false;
    return (error as Error).message.includes("top level");
  }

  /** With the worker in which it ran; or because none could be started. */
  #mayCrash({ begun, script }: Sent): boolean {
    if (begun === undefined) return this.#crashes > 2;
    return script.does === "crash" || begun.dead;
  }

  #settle(sent: Sent, outcome: "answered" | "failed"): void {
    this.trace(() => `call ${sent.script.id} is ${outcome}`);
    if (sent.outcome !== "none") this.#fail(`call ${sent.script.id} was settled twice`);
    sent.outcome = outcome;
    this.#open--;
  }

  #checkBounds(): void {
    const { max, spare } = this.#plan;
    if (this.#budget.live > this.#budget.maxInstances) this.#fail(`${this.#budget.live} instances of all modules`);
    if (this.workers.size > max * 3 + spare + this.#ending()) this.#fail(`${this.workers.size} workers`);
    for (const { module, pool, queue } of this.#modules) {
      const { instances, queued, running } = module.stats();
      if (instances > pool) this.#fail(`${instances} instances of a pool of ${pool}`);
      if (running > pool) this.#fail(`${running} calls run on a pool of ${pool}`);
      if (queued > queue + pool) this.#fail(`${queued} calls wait in a queue of ${queue}`);
    }
    this.#throwFault();
  }

  /** Workers that are to end and have not yet. */
  #ending(): number {
    return [...this.workers.values()].filter((worker) => (worker as { closed: boolean }).closed).length;
  }

  /** All calls have been settled for a while. */
  #checkRest(): void {
    for (const [index, { module }] of this.#modules.entries()) {
      const { running, queued } = module.stats();
      if (running !== 0 || queued !== 0) this.#fail(`module ${index} says running ${running}, queued ${queued}`);
    }
    for (const worker of this.workers.values()) {
      const { load } = worker as { load: number };
      if (load !== 0) this.#fail(`a worker holds ${load} calls, and there are none`);
    }
    for (const signal of this.#allSignals)
      if (getEventListeners(signal, "abort").length > 0) this.#fail("a signal still has a listener");
    this.#throwFault();
  }

  async #close(): Promise<void> {
    for (const loaded of this.#modules) this.#closeModule(loaded, this.#plan.closeAbort);
    let closed = false;
    const closing = Promise.all(this.#closing).then(() => this.#pool.close());
    closing.then(
      () => {
        closed = true;
      },
      (error: unknown) => this.#fail(`close failed: ${String(error)}`),
    );
    if (!(await this.clock.run(this.clock.now + LONGEST_MS, () => closed || this.#fault !== undefined)))
      this.#fail("close does not end");
    this.#throwFault();
    // Timers that look once more, and find nothing to do.
    await this.clock.run(this.clock.now + 10_000, () => this.clock.timers === 0);
    if (this.#budget.live !== 0 || this.#budget.starving) this.#fail("the budget is not empty");
    if (this.clock.timers !== 0) this.#fail(`${this.clock.timers} timers are left`);
    if (this.workers.size !== 0) this.#fail(`${this.workers.size} workers are left`);
    this.#throwFault();
  }

  #describe(): string {
    const open = this.#sent.filter(({ outcome }) => outcome === "none");
    const calls = open.map(
      ({ script, begun }) => `${script.id} ${script.does}${begun === undefined ? "" : " (begun)"}`,
    );
    return `${calls.join(", ")}; ${JSON.stringify(this.#modules.map(({ module }) => module.stats()))}`;
  }

  #fail(problem: string): void {
    this.#fault ??= new Error(`${problem}, at ${this.clock.now} ms`);
  }

  #throwFault(): void {
    if (this.#fault !== undefined) throw this.#fault;
  }
}

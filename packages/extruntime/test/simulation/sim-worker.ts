import type { CallStates } from "../../src/placement/wire/call-states.ts";
import { FLAG, KIND, NO_DEADLINE } from "../../src/placement/wire/protocol.ts";
import type { Script } from "./guest-script.ts";
import type { World } from "./world.ts";

/** What a worker does with what it has to say. */
export interface WorkerOut {
  send(kind: number, flags: number, number: number, key: number, target: number, time: number, body: string): void;
  flush(): void;
  begins(key: number): void;
  /** It has ended by itself. */
  died(how: string): void;
}

type States = Pick<CallStates, "start" | "goOn">;

interface SimInstance {
  readonly program: number;
  running: number;
  broken: boolean;
  readonly waiting: (() => void)[];
}

/** Holds the thread. */
interface Holding {
  readonly since: number;
  readonly key: number;
  /** Where the engine can end it. */
  readonly stop: (() => void) | undefined;
}

/**
 * The agent, engine and guests of one worker: a thread that does one thing at a time, in the time of the simulated clock. As the
 * real agent, but for what a call does, which its payload says.
 */
export class SimWorker {
  readonly number: number;
  dead = false;
  readonly #world: World;
  readonly #out: WorkerOut;
  readonly #states: States;
  readonly #tasks: (() => void)[] = [];
  #holding: Holding | undefined;
  /** Milliseconds that calls which have ended held it. */
  #heldMs = 0;
  /** Programs that are there, and those of them that are compiled. */
  readonly #programs = new Set<number>();
  readonly #compiled = new Set<number>();
  readonly #instances = new Map<number, SimInstance>();
  readonly #aborts = new Map<number, () => void>();
  readonly #asked = new Map<number, () => void>();
  #asks = 0;

  constructor(world: World, states: States, out: WorkerOut) {
    this.#world = world;
    this.number = ++world.workersMade;
    this.#states = states;
    this.#out = out;
  }

  /** Milliseconds that it ran. */
  get ranMs(): number {
    return this.#heldMs + (this.#holding === undefined ? 0 : this.#world.clock.now - this.#holding.since);
  }

  frame(kind: number, flags: number, key: number, target: number, time: number, body: string): void {
    this.#do(() => this.#handle(kind, flags, key, target, time, body));
  }

  /** The call is marked as one that is to stop. */
  marked(key: number): void {
    const holding = this.#holding;
    if (holding?.key !== key || holding.stop === undefined) return;
    this.#after(this.#world.random.ms(0.05, 3), () => this.#holding === holding && holding.stop!());
  }

  crash(how: string): void {
    if (this.dead) return;
    this.dead = true;
    this.#world.crashed(this);
    this.#out.died(how);
  }

  #handle(kind: number, flags: number, key: number, target: number, time: number, body: string): void {
    this.#world.trace(() => `worker ${this.number} takes ${nameOf(kind)} of ${key} for ${target} ${body}`);
    if (kind === KIND.call) this.#call(flags, key, target, time, body);
    else if (kind === KIND.compile) this.#compile(key, target);
    else if (kind === KIND.instantiate) this.#instantiate(key, target, time, Number(body));
    else if (kind === KIND.abort) this.#aborts.get(key)?.();
    else if (kind === KIND.hostAnswer) this.#answered(key);
    else if (kind === KIND.closeInstance) this.#instances.delete(target);
    else if (kind === KIND.closeProgram) this.#closeProgram(target);
    else if (kind === KIND.start) this.#start();
  }

  #start(): void {
    const { random } = this.#world;
    if (random.chance(this.#world.startFailures)) this.#after(random.ms(0, 5), () => this.crash("did not start"));
    else this.#after(random.ms(0.1, 30), () => this.#do(() => this.#send(KIND.ready, 0, 0, 0, "")));
  }

  #compile(key: number, program: number): void {
    if (!this.#begin(key)) return;
    this.#programs.add(program);
    this.#later(key);
    this.#after(this.#world.random.ms(0.01, 5), () =>
      this.#do(() => {
        this.#compiled.add(program);
        this.#send(KIND.done, 0, key, 0, "");
      }),
    );
  }

  /** Waits until the program is compiled. */
  #instantiate(key: number, program: number, time: number, id: number): void {
    if (!this.#programs.has(program)) {
      this.#fail(key, "ERR_EXT_CRASHED", 0);
      return;
    }
    if (!this.#compiled.has(program)) {
      this.#after(0.5, () => this.#do(() => this.#instantiate(key, program, time, id)));
      return;
    }
    if (!this.#begin(key)) return;
    const { random } = this.#world;
    const took = random.chance(0.05) ? random.ms(1, 60) : random.ms(0.01, 1);
    this.#hold(key, took, time, () => {
      this.#instances.set(id, { program, running: 0, broken: false, waiting: [] });
      this.#send(KIND.done, 0, key, 0, "");
    });
  }

  #call(flags: number, key: number, target: number, time: number, body: string): void {
    const instance = this.#instances.get(target);
    if (instance === undefined) this.#fail(key, "ERR_EXT_CRASHED", FLAG.broken);
    else if (instance.running !== 0) instance.waiting.push(() => this.#run(instance, flags, key, time, body));
    else this.#run(instance, flags, key, time, body);
    if ((flags & FLAG.prompt) !== 0) this.#out.flush();
  }

  #run(instance: SimInstance, _flags: number, key: number, time: number, body: string): void {
    if (instance.broken) {
      this.#send(KIND.skipped, FLAG.broken, key, 0, "");
      this.#next(instance);
      return;
    }
    if (!this.#begin(key)) {
      this.#next(instance);
      return;
    }
    const script = JSON.parse(body) as Script;
    this.#world.began(script.id, this);
    instance.running = key;
    const end = (send: () => void) => {
      send();
      instance.running = 0;
      this.#next(instance);
    };
    const done = () => end(() => this.#send(KIND.done, 0, key, Math.max(1, script.ms * 1000), String(script.id)));
    this.#perform(script, instance, key, time, done, end);
  }

  #perform(
    script: Script,
    instance: SimInstance,
    key: number,
    time: number,
    done: () => void,
    end: (send: () => void) => void,
  ): void {
    const { does, ms } = script;
    const stopped = () => end(() => this.#fail(key, "ERR_EXT_TIMEOUT", 0));
    if (does === "answer") this.#hold(key, ms, NO_DEADLINE, done);
    else if (does === "fail") this.#hold(key, ms, NO_DEADLINE, () => end(() => this.#fail(key, "ERR_EXT_GUEST", 0)));
    else if (does === "break") {
      this.#hold(key, ms, NO_DEADLINE, () => {
        instance.broken = true;
        end(() => this.#send(KIND.done, FLAG.broken, key, 0, String(script.id)));
      });
    } else if (does === "spin") this.#hold(key, ms, time, done, stopped);
    else if (does === "endless") this.#hold(key, Number.POSITIVE_INFINITY, time, done, stopped);
    else if (does === "stuck") this.#hold(key, Number.POSITIVE_INFINITY, NO_DEADLINE, done);
    else if (does === "crash") this.#hold(key, ms, NO_DEADLINE, () => this.crash("crashed"));
    else if (does === "storm") {
      this.#hold(key, ms, NO_DEADLINE, () => {
        done();
        this.#do(() => {
          this.#out.flush();
          this.#hold(0, Number.POSITIVE_INFINITY, NO_DEADLINE, () => {});
        });
      });
    } else this.#goOn(script, instance, key, done, stopped);
  }

  /** A call that goes on by itself. */
  #goOn({ does, ms }: Script, { program }: SimInstance, key: number, done: () => void, stopped: () => void): void {
    this.#later(key);
    let open = true;
    const once = (run: () => void) => () => {
      if (!open) return;
      open = false;
      this.#aborts.delete(key);
      run();
    };
    if (this.#world.softAbort)
      this.#aborts.set(key, () => this.#after(this.#world.random.ms(0.01, 3), () => this.#do(once(stopped))));
    if (does === "wait") this.#after(ms, () => this.#do(once(done)));
    else if (does === "waitAndSpin")
      this.#after(ms, () => this.#do(once(() => this.#hold(key, ms, NO_DEADLINE, done))));
    else if (does === "ask") {
      const ask = ++this.#asks;
      this.#asked.set(ask, once(done));
      this.#out.send(KIND.hostCall, 0, 0, ask, program, 0, "null");
    }
  }

  #answered(ask: number): void {
    const go = this.#asked.get(ask);
    this.#asked.delete(ask);
    go?.();
  }

  #next(instance: SimInstance): void {
    if (instance.running === 0) instance.waiting.shift()?.();
  }

  /** Does nothing else meanwhile. Where the engine can stop what runs, its deadline and its mark do. */
  #hold(key: number, ms: number, time: number, end: () => void, stopped?: () => void): void {
    const { clock, softAbort } = this.#world;
    const left = time === NO_DEADLINE || !softAbort || stopped === undefined ? Number.POSITIVE_INFINITY : time;
    const stop = stopped !== undefined && softAbort ? () => this.#release(holding, stopped) : undefined;
    const holding: Holding = { since: clock.now, key, stop };
    this.#holding = holding;
    if (ms > 2 && this.#world.random.chance(0.5)) this.#out.flush();
    const until = Math.min(ms, left);
    if (until === Number.POSITIVE_INFINITY) return;
    clock.inWorker(clock.now + until, () => this.#release(holding, ms <= left ? end : stopped!));
  }

  #release(holding: Holding, then: () => void): void {
    if (this.dead || this.#holding !== holding) return;
    this.#holding = undefined;
    this.#heldMs += this.#world.clock.now - holding.since;
    then();
    this.#go();
  }

  #do(task: () => void): void {
    if (this.dead) return;
    this.#tasks.push(task);
    this.#go();
  }

  #go(): void {
    while (!this.dead && this.#holding === undefined) {
      const task = this.#tasks.shift();
      if (task === undefined) {
        this.#out.flush();
        return;
      }
      task();
    }
  }

  #after(ms: number, run: () => void): void {
    const { clock } = this.#world;
    clock.inWorker(clock.now + ms, () => this.dead || run());
  }

  #begin(key: number): boolean {
    const may = this.#states.start(key);
    if (may) this.#out.begins(key);
    else this.#send(KIND.skipped, 0, key, 0, "");
    return may;
  }

  #later(key: number): void {
    this.#states.goOn(key);
    this.#send(KIND.later, 0, key, 0, "");
  }

  #fail(key: number, code: string, flags: number): void {
    this.#send(KIND.failed, flags, key, 0, JSON.stringify({ code, message: "as it was told to" }));
  }

  #closeProgram(program: number): void {
    this.#programs.delete(program);
    this.#compiled.delete(program);
    this.#out.send(KIND.closed, 0, 0, 0, program, 0, "");
    this.#out.flush();
  }

  #send(kind: number, flags: number, key: number, time: number, body: string): void {
    this.#world.trace(() => `worker ${this.number} says ${nameOf(kind)} of ${key} ${body}`);
    this.#out.send(kind, flags, 0, key, 0, time, body);
  }
}

function nameOf(kind: number): string {
  return Object.entries(KIND).find(([, each]) => each === kind)![0];
}

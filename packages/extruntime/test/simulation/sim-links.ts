import type { Death, Link, LinkEvents } from "../../src/placement/wire/link.ts";
import type { ProcessorUse } from "../../src/placement/wire/processor-use.ts";
import { type Body, KIND } from "../../src/placement/wire/protocol.ts";
import { SimWorker } from "./sim-worker.ts";
import type { World } from "./world.ts";

type Frame = [kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body];

/** What both kinds of links have in common: frames on their way to the worker, and its end. */
abstract class SimLink implements Link {
  readonly gone: Promise<void>;
  /** Payloads are short. */
  readonly given = 0;
  readonly taken = 0;
  protected readonly world: World;
  protected readonly events: LinkEvents;
  protected readonly states: InstanceType<World["core"]["CallStates"]>;
  protected readonly worker: SimWorker;
  protected over = false;
  #goneNow!: () => void;
  #unsent: Frame[] = [];
  #flushing = false;
  /** What was sent later does not come earlier. */
  #arrival = 0;

  constructor(world: World, events: LinkEvents) {
    this.world = world;
    this.events = events;
    this.states = new world.core.CallStates(new SharedArrayBuffer(world.core.CALL_STATES_BYTES));
    this.worker = new SimWorker(world, this.states, {
      send: (...frame) => this.fromWorker(frame),
      flush: () => this.announce(),
      begins: (key) => this.begins(key),
      died: (how) => this.died(how),
    });
    this.gone = new Promise((resolve) => {
      this.#goneNow = resolve;
    });
    world.workers.set(this.worker, events);
    // As in the real ones; by then the keeper has its worker.
    this.send(KIND.start, 0, 0, 0, 0, 0, "");
    queueMicrotask(() => this.flush());
  }

  abstract withdraw(keys: readonly number[], answer: (withdrawn: readonly boolean[]) => void): void;
  abstract takeUnstarted(keys: readonly number[]): boolean[];
  abstract poll(): void;
  abstract kill(how: string): void;

  send(...frame: Frame): void {
    if (!this.over) this.#unsent.push(frame);
  }

  flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.deliver();
    });
  }

  flush(): void {
    this.deliver();
  }

  abort(key: number): void {
    this.later(() => {
      this.states.abort(key);
      this.worker.marked(key);
    });
    this.send(KIND.abort, 0, 0, key, 0, 0, "");
    this.flushSoon();
  }

  giveUp(how: string): void {
    this.end({ how, memory: false, fault: true });
    this.worker.dead = true;
  }

  /** Asked of the system, not of the thread itself. */
  use(answer: (use: ProcessorUse) => void): void {
    const { clock, random } = this.world;
    clock.toHost(clock.now + random.ms(0.01, 3), () => {
      if (!this.over) answer({ ranMs: this.worker.ranMs, waitedMs: 0, ready: "none" });
    });
  }

  hold(): void {}

  protected abstract begins(key: number): void;
  protected abstract died(how: string): void;
  protected abstract fromWorker(frame: Frame): void;
  protected abstract announce(): void;

  protected deliver(): void {
    if (this.#unsent.length === 0 || this.over) return;
    const frames = this.#unsent;
    this.#unsent = [];
    this.later(() => {
      for (const [kind, flags, , key, target, time, body] of frames)
        if (!this.worker.dead) this.worker.frame(kind, flags, key, target, time, String(body));
    });
  }

  /** In the worker, in order, after as long as it takes to get there. */
  protected later(run: () => void): void {
    const { clock, random } = this.world;
    this.#arrival = Math.max(this.#arrival, clock.now + random.ms(0.001, random.chance(0.05) ? 40 : 0.5));
    clock.inWorker(this.#arrival, () => this.worker.dead || run());
  }

  protected end(death: Death): void {
    if (this.over) return;
    this.events.ended(death);
    this.over = true;
    this.world.workers.delete(this.worker);
    this.world.clock.toHost(this.world.clock.now + this.world.random.ms(0, 50), () => this.#goneNow());
  }
}

/** Frames in memory that both sides see. */
export class SimThreadLink extends SimLink {
  readonly #written: Frame[] = [];
  #diedHow: string | undefined;

  withdraw(keys: readonly number[], answer: (withdrawn: readonly boolean[]) => void): void {
    answer(this.takeUnstarted(keys));
  }

  override use(answer: (use: ProcessorUse) => void): void {
    answer({ ranMs: this.worker.ranMs, waitedMs: 0, ready: "none" });
  }

  waitFor(done: () => boolean, deadline: number): void {
    this.deliver();
    do {
      this.poll();
      if (done() || this.over) return;
      // It is noticed a little later.
      if (this.#diedHow !== undefined) this.end({ how: this.#diedHow, memory: false });
    } while (!this.over && this.world.clock.blockedUntil(deadline));
  }

  takeUnstarted(keys: readonly number[]): boolean[] {
    return keys.map((key) => this.states.withdraw(key));
  }

  poll(): void {
    while (!this.over) {
      const frame = this.#written.shift();
      if (frame === undefined) return;
      this.events.frame(...frame);
    }
  }

  kill(how: string): void {
    this.end({ how, memory: false });
    this.worker.dead = true;
  }

  protected died(how: string): void {
    const { clock, random } = this.world;
    this.#diedHow = how;
    clock.toHost(clock.now + random.ms(0.01, 5), () => this.end({ how, memory: false }));
  }

  protected begins(): void {}

  protected fromWorker(frame: Frame): void {
    this.#written.push(frame);
  }

  protected announce(): void {
    if (this.#written.length === 0) return;
    const { clock, random } = this.world;
    clock.toHost(clock.now + random.ms(0.005, 1), () => this.poll());
  }
}

/** Journals that no worker has any more. */
const freeJournals: number[] = [];

/** A pipe and a journal: the real ones, but for the pipe itself. */
export class SimProcessLink extends SimLink {
  readonly #fd: number;
  readonly #batch;
  readonly #writer;
  readonly #reader;
  readonly #stream;
  #received = 0;
  /** When the last piece of the pipe comes. */
  #lastPiece = 0;
  #killed: string | undefined;

  constructor(world: World, events: LinkEvents) {
    super(world, events);
    const { core, random } = world;
    this.#fd = freeJournals.pop() ?? core.journal.openJournal();
    const start = random.from(0, 2 ** 31 - 1);
    this.#batch = new core.FrameBatch();
    this.#writer = new core.journal.JournalWriter(start, this.#fd);
    this.#reader = new core.journal.JournalReader(start, this.#fd);
    this.#stream = new core.FrameStream(events);
    void this.gone.then(() => freeJournals.push(this.#fd));
  }

  withdraw(keys: readonly number[], answer: (withdrawn: readonly boolean[]) => void): void {
    const { clock, random } = this.world;
    this.deliver();
    this.later(() => {
      const withdrawn = keys.map((key) => this.states.withdraw(key));
      clock.toHost(clock.now + random.ms(0.01, 3), () => this.over || answer(withdrawn));
    });
  }

  takeUnstarted(keys: readonly number[]): boolean[] {
    const began = new Set<number>();
    this.#reader.read({ began: (key) => began.add(key), frame: this.events.frame.bind(this.events) });
    return keys.map((key) => !began.has(key));
  }

  poll(): void {
    if (this.over) return;
    const frame = (...each: Frame) => this.events.early(...each);
    this.#reader.readOn({ began: () => {}, frame }, this.#received);
  }

  kill(how: string): void {
    this.#killed ??= how;
    const { clock, random } = this.world;
    clock.inWorker(clock.now + random.ms(0, 2), () => {
      if (this.worker.dead) return;
      this.worker.dead = true;
      this.died(how);
    });
  }

  protected died(how: string): void {
    const { clock, random } = this.world;
    const at = Math.max(this.#lastPiece, clock.now) + random.ms(0.01, 5);
    clock.toHost(at, () => this.end({ how: this.#killed ?? how, memory: false }));
  }

  protected begins(key: number): void {
    this.#writer.note(key, this.#batch);
  }

  protected fromWorker(frame: Frame): void {
    this.#batch.add(...frame);
  }

  protected announce(): void {
    if (this.#batch.empty || this.worker.dead) return;
    const bytes = Uint8Array.from(this.#batch.take(false));
    this.#writer.sent(bytes.byteLength, this.#batch);
    const { random } = this.world;
    const cut = random.chance(0.1) ? random.from(1, bytes.byteLength - 1) : bytes.byteLength;
    this.#piece(bytes.subarray(0, cut));
    if (cut < bytes.byteLength) this.#piece(bytes.subarray(cut));
  }

  #piece(bytes: Uint8Array): void {
    const { clock, random } = this.world;
    this.#lastPiece = Math.max(this.#lastPiece, clock.now + random.ms(0.005, random.chance(0.03) ? 30 : 1));
    clock.toHost(this.#lastPiece, () => {
      if (this.over) return;
      this.#received += bytes.byteLength;
      this.#stream.push(bytes);
    });
  }
}

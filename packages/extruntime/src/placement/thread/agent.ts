import { receiveMessageOnPort, workerData } from "node:worker_threads";
import type { CallStates } from "../wire/call-states.ts";
import { ownThread } from "../wire/processor-use.ts";
import { type Body, FLAG } from "../wire/protocol.ts";
import { MOST_IN_RING } from "../wire/ring.ts";
import { Agent } from "../worker/agent.ts";
import type { AgentLink } from "../worker/agent-link.ts";
import { AgentLoop } from "../worker/agent-loop.ts";
import { giveWay } from "../worker/priority.ts";
import { END, type ThreadData, threadMemory } from "./memory.ts";
import { printAtOnce } from "./output.ts";

/**
 * What a worker thread runs. After a batch of calls it stays a while, blocked, since the next batch then finds it sooner
 * than through the event loop: where no asynchronous call runs, nobody misses the loop for so short a time.
 */

/**
 * Milliseconds that it stays blocked for the next call. A guest's own timers come so much later at the most. Less is not
 * better: a wait that ends before the next tick of the operating system has a timer set for it, each time, and a serial call
 * was seen to take 1.5 instead of 1.15 times a bare round trip with 1 ms.
 */
const LINGER_MS = 8;
/** Milliseconds after which it turns to the event loop even if calls keep coming: guests may have timers. */
const LONGEST_MS = 4;
/** Milliseconds between looks at a ring that is full, or that an answer must come through, should a wake-up be missed. */
const FULL_MS = 20;

class ThreadAgent implements AgentLink {
  readonly states: CallStates;
  readonly ownProcess = false;
  readonly #data: ThreadData;
  readonly #memory: ReturnType<typeof threadMemory>;
  readonly #agent: Agent;
  readonly #loop: AgentLoop;
  #turns = 0;

  constructor(data: ThreadData) {
    this.#data = data;
    this.#memory = threadMemory(data.memory);
    this.states = this.#memory.states;
    Atomics.store(this.#memory.thread, 0, ownThread());
    process.on("exit", (code) => {
      Atomics.store(this.#memory.thread, END, (code & 0xff) + 1);
      this.#memory.toHost.interrupt();
    });
    this.#agent = new Agent(this);
    this.#loop = new AgentLoop(this.#agent, () => this.#serve());
    data.bell.on("message", () => this.#serve());
    this.#serve();
  }

  send(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void {
    if (body.length > MOST_IN_RING) {
      this.#data.aside.postMessage(body);
      flags |= FLAG.aside;
      body = "";
    }
    const { toHost } = this.#memory;
    while (!toHost.write(kind, flags, number, key, target, time, body)) {
      this.flush();
      toHost.waitForRoom(FULL_MS);
    }
  }

  flush(): void {
    this.#memory.toHost.wake();
  }

  flushSoon(): void {
    this.#loop.flushSoon();
  }

  receive(): void {
    const { toWorker } = this.#memory;
    toWorker.waitForFrames(FULL_MS);
    toWorker.read(this.#agent, this.#takeAside);
  }

  begins(): void {}

  noteLines(): void {}

  #serve(): void {
    const { toWorker } = this.#memory;
    const until = performance.now() + LONGEST_MS;
    do {
      do {
        toWorker.read(this.#agent, this.#takeAside);
        this.#agent.endOfBatch();
      } while (
        this.#agent.pending === 0 &&
        this.#mayStay(until) &&
        (this.#agent.busy || toWorker.waitForFrames(LINGER_MS))
      );
      if (this.#agent.busy || !toWorker.empty) {
        this.#loop.serveSoon();
        return;
      }
    } while (!toWorker.sleep());
  }

  /** Looks at the clock once in a while. */
  #mayStay(until: number): boolean {
    return (++this.#turns & 3) !== 0 || performance.now() < until;
  }

  /** Making a long string takes long: the host is told before that it is not another call that keeps this thread. */
  readonly #takeAside = (): Body => {
    this.#memory.toWorker.tellTail();
    return receiveMessageOnPort(this.#data.aside)!.message as Body;
  };
}

giveWay();
printAtOnce();
new ThreadAgent(workerData as ThreadData);

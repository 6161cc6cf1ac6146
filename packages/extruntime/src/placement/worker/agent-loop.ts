import type { Agent } from "./agent.ts";

/** When the thread of an agent goes on: what it has to say is sent at the end of what it does, and calls have turns between those of the event loop. */
export class AgentLoop {
  readonly #agent: Pick<Agent, "endOfTurn" | "busy">;
  readonly #serve: () => void;
  #flushing = false;
  #serving = false;

  /** @param serve runs the calls that wait, or some of them. */
  constructor(agent: Pick<Agent, "endOfTurn" | "busy">, serve: () => void) {
    this.#agent = agent;
    this.#serve = serve;
  }

  /** As {@link AgentLink.flushSoon}. */
  flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(() => {
      this.#flushing = false;
      this.#agent.endOfTurn();
      if (this.#agent.busy) this.serveSoon();
    });
  }

  /** Serves after the event loop's turn, so that what comes meanwhile is read. */
  serveSoon(): void {
    if (this.#serving) return;
    this.#serving = true;
    setImmediate(() => {
      this.#serving = false;
      this.#serve();
    });
  }
}

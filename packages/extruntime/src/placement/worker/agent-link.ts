import type { CallStates } from "../wire/call-states.ts";
import type { Body } from "../wire/protocol.ts";

/** How an agent reaches its host. */
export interface AgentLink {
  readonly states: CallStates;
  /** The process is there for this thread, and can be ended while a guest holds it. */
  readonly ownProcess: boolean;
  send(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void;
  /** Makes sure that the host learns what was sent, before a call that may take long. */
  flush(): void;
  /** The same, at the end of what this thread is doing. */
  flushSoon(): void;
  /** Blocks until frames have come, and hands them over. */
  receive(): void;
  /** The call begins: noted where the host finds it should this process die. */
  begins(key: number): void;
  /** The same for lines of output that were sent. */
  noteLines(): void;
}

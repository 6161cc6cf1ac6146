import type { MessagePort } from "node:worker_threads";
import { CALL_STATES_BYTES, CallStates } from "../wire/call-states.ts";
import { FrameRing } from "../wire/ring.ts";

/** Bytes of frames that may be on their way, in each direction. */
const RING_BYTES = 1 << 18;
const RING_TOTAL = FrameRing.bytesFor(RING_BYTES);

/** Which word says that a thread is about to end: with its exit code and one. A host that blocks its thread hears of an end in no other way. */
export const END = 1;

/** What a host and one of its threads share. */
export interface ThreadMemory {
  readonly states: CallStates;
  readonly toWorker: FrameRing;
  readonly toHost: FrameRing;
  /** Two words: the thread's number in the system, 0 until it has begun; and what {@link END} says. */
  readonly thread: Int32Array;
}

export function threadMemoryBytes(): number {
  return CALL_STATES_BYTES + 2 * RING_TOTAL + 8;
}

export function threadMemory(buffer: SharedArrayBuffer): ThreadMemory {
  return {
    states: new CallStates(buffer),
    toWorker: new FrameRing(buffer, CALL_STATES_BYTES, RING_BYTES),
    toHost: new FrameRing(buffer, CALL_STATES_BYTES + RING_TOTAL, RING_BYTES),
    thread: new Int32Array(buffer, CALL_STATES_BYTES + 2 * RING_TOTAL, 2),
  };
}

/** Given to a thread at its start. */
export interface ThreadData {
  readonly memory: SharedArrayBuffer;
  /** Wakes the other side. Its messages mean nothing else. */
  readonly bell: MessagePort;
  /** Bodies that go aside, in the order of their frames. */
  readonly aside: MessagePort;
}

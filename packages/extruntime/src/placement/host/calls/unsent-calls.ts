import { WaitQueue } from "../../../call/pool/wait-queue.ts";
import { NOT_STARTED } from "../../../contract/engine.ts";
import type { HeldCalls } from "./held-calls.ts";
import { type GuestSide, type RemoteCall, Unsent } from "./remote-call.ts";
import { patientUntil } from "./thread-sharing.ts";

/** Calls for which their worker has no key, or that may not share its thread with those which it has. Those that end meanwhile leave. */
export class UnsentCalls {
  readonly #held: HeldCalls;
  readonly #waiting = new WaitQueue<Unsent>();

  constructor(held: HeldCalls) {
    this.#held = held;
  }

  get length(): number {
    return this.#waiting.length;
  }

  get first(): RemoteCall | undefined {
    return this.#waiting.first?.call;
  }

  /** Whether a call of a guest may be sent at once. */
  mayPass(call: RemoteCall): boolean {
    const { sharing } = this.#held;
    if (sharing === undefined || call.guest === undefined) return true;
    return this.#waiting.length === 0 && sharing.mayJoin(call);
  }

  add(call: RemoteCall, send: (key: number) => void): void {
    call.unsent = new Unsent(call, patientUntil(call), send);
    this.#waiting.push(call.unsent);
  }

  remove(call: RemoteCall): void {
    if (call.unsent !== undefined) this.#waiting.remove(call.unsent);
  }

  /** Sends those whose turn it is; with `closed` they are handed back. */
  admit(closed: () => boolean): void {
    for (let first = this.#waiting.first; first !== undefined; first = this.#waiting.first) {
      if (this.#held.sharing?.mayJoin(first.call) === false && performance.now() < first.until) return;
      const key = this.#held.takeKey();
      if (key === undefined) return;
      this.#waiting.remove(first);
      first.call.unsent = undefined;
      if (closed()) this.#handOver(first.call, key);
      else first.send(key);
    }
  }

  /** Those of one instance. */
  takeOf(guest: GuestSide): RemoteCall[] {
    const taken: RemoteCall[] = [];
    for (let unsent = this.#waiting.first; unsent !== undefined; ) {
      const next = unsent.next as Unsent | undefined;
      if (unsent.call.guest === guest) {
        this.#waiting.remove(unsent);
        taken.push(unsent.call);
      }
      unsent = next;
    }
    return taken;
  }

  takeAll(): RemoteCall[] {
    const taken: RemoteCall[] = [];
    for (let unsent = this.#waiting.shift(); unsent !== undefined; unsent = this.#waiting.shift())
      taken.push(unsent.call);
    return taken;
  }

  #handOver(call: RemoteCall, key: number): void {
    this.#held.returnKey(key);
    call.fail(NOT_STARTED, false);
  }
}

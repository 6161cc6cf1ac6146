import type { Link } from "../../wire/link.ts";
import { type Body, FLAG, KIND, timeLeft } from "../../wire/protocol.ts";
import { FlushPolicy } from "./flush-policy.ts";
import type { HeldCalls } from "./held-calls.ts";
import type { RemoteCall } from "./remote-call.ts";
import type { UnsentCalls } from "./unsent-calls.ts";
import type { WorkerSilence } from "./worker-silence.ts";

/** Where no instance lives: a call to it is answered by whoever is there to answer. */
const NOBODY = 0;

/** Sends calls to a worker, or has them wait until they may be sent. */
export class CallSender {
  readonly #link: Link;
  readonly #held: HeldCalls;
  readonly #unsent: UnsentCalls;
  readonly #silence: WorkerSilence;
  readonly #flushPolicy = new FlushPolicy();

  constructor(link: Link, held: HeldCalls, unsent: UnsentCalls, silence: WorkerSilence) {
    this.#link = link;
    this.#held = held;
    this.#unsent = unsent;
    this.#silence = silence;
  }

  /** A caller that blocks its thread goes first. Returns whether it was sent. */
  ask(call: RemoteCall, kind: number, flags: number, number: number, target: number, body: Body): boolean {
    const key = (flags & FLAG.sync) !== 0 || this.#unsent.mayPass(call) ? this.#held.takeKey() : undefined;
    if (key === undefined)
      this.#unsent.add(call, (later) => this.#send(call, later, kind, flags, number, target, body));
    else this.#send(call, key, kind, flags, number, target, body);
    return key !== undefined;
  }

  /** Sends a call that whoever is there answers, once the thread is free. Returns whether there was a key for it. */
  probe(probe: RemoteCall): boolean {
    const key = this.#held.takeKey();
    if (key === undefined) return false;
    this.#send(probe, key, KIND.call, 0, 0, NOBODY, "null");
    return true;
  }

  #send(call: RemoteCall, key: number, kind: number, flags: number, number: number, target: number, body: Body): void {
    this.#held.add(call, key);
    if (this.#flushPolicy.isDue(this.#held.load)) flags |= FLAG.prompt;
    const { given } = this.#link;
    this.#link.send(kind, flags, number, key, target, timeLeft(call.limits.deadline), body);
    this.#silence.sent(call, given);
    if ((flags & FLAG.sync) === 0) this.#link.flushSoon();
  }
}

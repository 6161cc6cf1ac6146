import { type Bounds, BYTES_PER_CALL, excessBytes } from "../../contract/bounds.ts";
import type { Call } from "../../contract/engine.ts";
import {
  extensionClosed,
  type HostCalls,
  hostCallTooLate,
  hostCallTooLong,
  nobodysCall,
  notGranted,
  WaitingCalls,
} from "../../contract/host-functions.ts";
import type { Manifest } from "../../manifest/manifest.ts";
import { nextLine } from "../wire/protocol.ts";
import { KeyedCall, keyOf } from "./call-limits.ts";
import type { Reports } from "./reports.ts";

/** Asks the host for the call with that key, 0 for a top level, and has `answer` told, unless the worker ends before. `now`: the guest's thread waits. */
export type Ask = (index: number, payload: string, call: number, now: boolean, answer: (text: string) => void) => void;

/**
 * The host functions of a program in a worker: each call goes to the host as a frame. What waits is bounded here too, before it is
 * sent: on its way it lies in the host's memory, where nobody has counted it yet.
 */
export class RemoteHostCalls implements HostCalls {
  readonly names: readonly string[];
  readonly blocks = true;
  readonly #ask: Ask;
  readonly #bounds: Bounds;
  readonly #waiting: WaitingCalls;
  /** Returns when more has come from the host. */
  readonly #receive: () => void;

  constructor(names: readonly string[], bounds: Bounds, ask: Ask, receive: () => void) {
    this.names = names;
    this.#bounds = bounds;
    this.#waiting = new WaitingCalls(bounds);
    this.#ask = ask;
    this.#receive = receive;
  }

  call(name: string, payload: string, call: Call | undefined): string | Promise<string> {
    const index = this.names.indexOf(name);
    if (index < 0) return notGranted(name, this.names);
    const key = askingKey(call);
    if (key === undefined) return nobodysCall(name);
    const bytes = BYTES_PER_CALL + payload.length;
    const refusal = this.#tooLong(name, payload) ?? this.#waiting.refusal(name, bytes);
    if (refusal !== undefined) return refusal;
    this.#waiting.begin(name, bytes);
    return new Promise((resolve) =>
      this.#ask(index, payload, key, false, (answer) => {
        this.#waiting.end(name, bytes);
        resolve(answer);
      }),
    );
  }

  callNow(name: string, payload: string, call: Call | undefined): string {
    const index = this.names.indexOf(name);
    if (index < 0) return notGranted(name, this.names);
    const key = askingKey(call);
    if (key === undefined) return nobodysCall(name);
    let answer = this.#tooLong(name, payload);
    if (answer !== undefined) return answer;
    this.#ask(index, payload, key, true, (text) => {
      answer = text;
    });
    const until = call?.deadline ?? Number.POSITIVE_INFINITY;
    while (answer === undefined && performance.now() < until) this.#receive();
    return answer ?? hostCallTooLate(name);
  }

  #tooLong(name: string, payload: string): string | undefined {
    const excess = excessBytes(payload, this.#bounds.hostCallBytes);
    return excess === undefined ? undefined : hostCallTooLong(name, excess, this.#bounds);
  }
}

/** What the guests of a worker have asked its host and not been told yet. */
export class HostQuestions {
  readonly #reports: Reports;
  readonly #receive: () => void;
  /** By number. */
  readonly #open = new Map<number, (answer: string) => void>();
  #last = 0;

  /** @param receive blocks until more has come from the host. */
  constructor(reports: Reports, receive: () => void) {
    this.#reports = reports;
    this.#receive = receive;
  }

  /** The host functions of a program, which ends when its `voice` is closed; `undefined` where it was granted none. */
  hostCalls(
    program: number,
    voice: { readonly closed: boolean },
    { permissions }: Pick<Manifest, "permissions">,
    bounds: Bounds,
  ): RemoteHostCalls | undefined {
    if (permissions.length === 0) return undefined;
    const ask: Ask = (index, payload, call, now, answer) => {
      if (voice.closed) {
        answer(extensionClosed());
        return;
      }
      this.#last = nextLine(this.#last);
      this.#open.set(this.#last, answer);
      this.#reports.asks(this.#last, index, program, payload, call, now);
    };
    return new RemoteHostCalls(permissions, bounds, ask, this.#receive);
  }

  answered(key: number, answer: string): void {
    const open = this.#open.get(key);
    this.#open.delete(key);
    open?.(answer);
  }
}

/** The key by which the host knows who asks: 0 for a top level. A call that has ended asks no more. */
function askingKey(call: Call | undefined): number | undefined {
  if (call instanceof KeyedCall) return keyOf(call);
  return call === undefined ? undefined : 0;
}

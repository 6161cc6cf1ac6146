import { type HostCalls, notGranted } from "../host-functions.ts";

/** Asks the host, and has `answer` told, unless the worker ends before. `now`: the guest's thread waits. */
export type Ask = (index: number, payload: string, now: boolean, answer: (text: string) => void) => void;

/** The host functions of a program in a worker: each call goes to the host as a frame. */
export class RemoteHostCalls implements HostCalls {
  readonly names: readonly string[];
  readonly #ask: Ask;
  /** Returns when more has come from the host. */
  readonly #receive: () => void;

  constructor(names: readonly string[], ask: Ask, receive: () => void) {
    this.names = names;
    this.#ask = ask;
    this.#receive = receive;
  }

  call(name: string, payload: string): string | Promise<string> {
    const index = this.names.indexOf(name);
    if (index < 0) return notGranted(name, this.names);
    return new Promise((resolve) => this.#ask(index, payload, false, resolve));
  }

  /** Whoever ends the call ends this thread: there is nothing else to look at. */
  callNow(name: string, payload: string): string {
    const index = this.names.indexOf(name);
    if (index < 0) return notGranted(name, this.names);
    let answer: string | undefined;
    this.#ask(index, payload, true, (text) => {
      answer = text;
    });
    while (answer === undefined) this.#receive();
    return answer;
  }
}

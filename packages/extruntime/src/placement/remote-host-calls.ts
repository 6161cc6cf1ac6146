import { type HostCalls, hostFailure, notGranted } from "../host-functions.ts";

/** Asks the host, and has `answer` told, unless the worker ends before. `now`: the guest's thread waits. */
export type Ask = (index: number, payload: string, now: boolean, answer: (text: string) => void) => void;

/** Calls of one function that may be on their way: a guest may make them without end, and they lie in the host's memory. */
const MOST_ASKED = 10_000;

/** The host functions of a program in a worker: each call goes to the host as a frame. */
export class RemoteHostCalls implements HostCalls {
  readonly names: readonly string[];
  readonly #ask: Ask;
  /** Unanswered calls, by the function's index. */
  readonly #asked: number[];
  /** Returns when more has come from the host. */
  readonly #receive: () => void;

  constructor(names: readonly string[], ask: Ask, receive: () => void) {
    this.names = names;
    this.#asked = names.map(() => 0);
    this.#ask = ask;
    this.#receive = receive;
  }

  call(name: string, payload: string): string | Promise<string> {
    const index = this.names.indexOf(name);
    if (index < 0) return notGranted(name, this.names);
    if (this.#asked[index]! >= MOST_ASKED)
      return hostFailure(
        "RangeError",
        `${MOST_ASKED} calls of the host function ${name} wait for their answers already`,
      );
    this.#asked[index]!++;
    return new Promise((resolve) =>
      this.#ask(index, payload, false, (answer) => {
        this.#asked[index]!--;
        resolve(answer);
      }),
    );
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

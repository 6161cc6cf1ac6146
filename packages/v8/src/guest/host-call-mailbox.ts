import type { Call, HostCalls } from "extruntime/engine";

/** Answers for a guest: pairs of the number under which it asked, and the answer's text. */
export type HostAnswers = (number | string)[];

/** Where one guest asks for host functions: calls them, and keeps the answers until the guest can take them. */
export class HostCallMailbox {
  #host: HostCalls | undefined;
  #ready: HostAnswers = [];
  /** What the guest's call has asked, and has no answer to. */
  #open = 0;
  /** Counts the guest's calls: what comes after the end of one is known for late by it. */
  #call = 0;
  /** Who waits for answers. */
  #listener: { resolve(answers: HostAnswers): void; reject(reason: unknown): void } | undefined;
  #closed = false;
  /** The guest's call. */
  #caller: Call | undefined;

  /** Whom it asks: before, no code runs in the guest. */
  open(host: HostCalls): void {
    this.#host = host;
  }

  /** Whether the guest's call has asked for what it has not been given. */
  get waits(): boolean {
    return this.#open > 0;
  }

  /** What the guest asks from here on it asks for this call: one that may ask has no other calls behind it. */
  serve(call: Call): void {
    this.#caller = call;
  }

  /** `number` is 0 where nobody wants the answer. What a guest asked before it was ended may still arrive, and is not done. */
  ask(number: number, name: string, payload: string): void {
    if (this.#closed) return;
    const answer = this.#host!.call(name, payload, this.#caller);
    if (number === 0) return;
    this.#open++;
    if (typeof answer === "string") this.#answered(number, answer);
    else this.#follow(number, answer);
  }

  /** For a guest on this thread, which cannot wait for a promise. */
  askHere(name: string, payload: string): string {
    return this.#host!.callNow(name, payload, this.#caller);
  }

  /** What there is for the guest, as soon as there is something. Rejects where the guest has ended. */
  answers(): Promise<HostAnswers> {
    return new Promise((resolve, reject) => {
      if (this.#closed) reject(ended());
      else if (this.#ready.length > 0) resolve(this.#take());
      else this.#listener = { resolve, reject };
    });
  }

  /** The guest's call has its answer: nobody wants what it had asked for. */
  forget(): void {
    this.#call++;
    this.#open = 0;
    if (this.#ready.length > 0) this.#ready = [];
  }

  close(): void {
    this.#closed = true;
    this.forget();
    this.#listener?.reject(ended());
    this.#listener = undefined;
  }

  #follow(number: number, answer: Promise<string>): void {
    const call = this.#call;
    void answer.then((text) => {
      if (call === this.#call) this.#answered(number, text);
    });
  }

  #answered(number: number, answer: string): void {
    this.#ready.push(number, answer);
    if (this.#listener === undefined) return;
    this.#listener.resolve(this.#take());
    this.#listener = undefined;
  }

  #take(): HostAnswers {
    const ready = this.#ready;
    this.#ready = [];
    this.#open -= ready.length / 2;
    return ready;
  }
}

function ended(): Error {
  return new Error("the guest has ended");
}

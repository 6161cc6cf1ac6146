import type { LinearMemory, StopSwitch } from "@extruntime/wasm/machine";
import {
  type Bounds,
  type Call,
  DEFAULT_BOUNDS,
  type HostCalls,
  hasStackRoom,
  hostCallTooLong,
  hostFailure,
  notGranted,
  UNLIMITED,
} from "extruntime/engine";
import { Suspended } from "../calls/suspended-call.ts";
import type { InterpreterImports } from "./abi.ts";
import type { Journal } from "./journal.ts";

/** Bytes of a name that cannot be granted, for the message. */
const SHOWN_NAME_BYTES = 128;

/** What a program calls of the host's, by `extruntime.call`. */
export class HostAccess {
  /** The functions that its program was granted. */
  granted: HostCalls | undefined;
  bounds: Bounds = DEFAULT_BOUNDS;
  /** For which call it asks. */
  caller: Call = UNLIMITED;
  readonly #memory: LinearMemory;
  readonly #stop: StopSwitch;
  readonly #journal: Journal;
  readonly #room: (length: number) => number;
  /** Those whose answers are awaited. A number is never used again, so an answer that is late meets nobody. */
  readonly #open = new Set<number>();
  /** Answers that came before anybody waited for them: the call that asked was suspended. */
  #early: (readonly [number: number, answer: string])[] = [];
  #onAnswer: ((number: number, answer: string) => void) | undefined;
  #last = 0;

  /** @param room a place in the memory for an answer of so many bytes. */
  constructor(memory: LinearMemory, stop: StopSwitch, journal: Journal, room: (length: number) => number) {
    this.#memory = memory;
    this.#stop = stop;
    this.#journal = journal;
    this.#room = room;
  }

  /** An answer may be a promise, which nothing can wait for on this thread. */
  get mayAnswerLater(): boolean {
    return this.granted !== undefined && this.granted.blocks !== true;
  }

  /** Who takes the answers that come later, by their numbers. */
  set onAnswer(take: ((number: number, answer: string) => void) | undefined) {
    this.#onAnswer = take;
    const early = this.#early;
    this.#early = [];
    for (const [number, answer] of early) queueMicrotask(() => this.#answered(number, answer));
  }

  /** Answers that have not come are nobody's from here on. */
  forget(): void {
    this.#open.clear();
    this.#early = [];
  }

  imports(): Pick<InterpreterImports, "host_call" | "host_begin"> {
    return {
      host_call: (name, nameLength, payload, length) =>
        this.put(this.#journal.told(() => this.#now(this.#text(name, nameLength), payload >>> 0, length >>> 0))),
      host_begin: (name, nameLength, payload, length, lengthOut) => {
        const answer = this.#journal.told(() => this.#later(this.#text(name, nameLength), payload >>> 0, length >>> 0));
        if (typeof answer === "number") return answer;
        const written = this.put(answer);
        if (this.#memory.has(lengthOut >>> 0, 4)) this.#memory.bytes.writeUInt32LE(written, lengthOut >>> 0);
        return 0;
      },
    };
  }

  /** Writes an answer into the memory, and returns its length. */
  put(answer: string): number {
    const length = Buffer.byteLength(answer);
    this.#memory.write(answer, this.#room(length), length);
    return length;
  }

  #now(name: string, payload: number, length: number): string {
    const refusal = this.#refusal(name, length);
    if (refusal !== undefined) return refusal;
    const granted = this.granted!;
    const argument = this.#text(payload, length);
    const answer = this.#journal.isKept
      ? granted.call(name, argument, this.caller)
      : granted.callNow(name, argument, this.caller);
    this.#stop.check();
    if (typeof answer !== "string") throw new Suspended(answer);
    return answer;
  }

  #later(name: string, payload: number, length: number): string | number {
    const refusal = this.#refusal(name, length);
    if (refusal !== undefined) return refusal;
    const answer = this.granted!.call(name, this.#text(payload, length), this.caller);
    this.#stop.check();
    if (typeof answer === "string") return answer;
    const number = ++this.#last;
    this.#open.add(number);
    void answer.then((text) => this.#answered(number, text));
    return number;
  }

  #answered(number: number, answer: string): void {
    if (!this.#open.has(number)) return;
    if (this.#onAnswer === undefined) this.#early.push([number, answer]);
    else {
      this.#open.delete(number);
      this.#onAnswer(number, answer);
    }
  }

  #refusal(name: string, length: number): string | undefined {
    this.#stop.check();
    const names = this.granted?.names ?? [];
    if (!names.includes(name)) return notGranted(name, names);
    if (length > this.bounds.hostCallBytes) return hostCallTooLong(name, length, this.bounds);
    if (!hasStackRoom())
      return hostFailure("RecursionError", "there is too little of the host's stack left to call a host function");
    return undefined;
  }

  #text(pointer: number, length: number): string {
    const start = pointer >>> 0;
    const most = Math.min(length >>> 0, Math.max(SHOWN_NAME_BYTES, this.bounds.hostCallBytes));
    return this.#memory.bytes.utf8Slice(start, Math.min(start + most, this.#memory.bytes.length));
  }
}

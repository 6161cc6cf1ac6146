import { escapeLoneSurrogates, type LinearMemory, type StopSwitch } from "@extruntime/wasm/machine";
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
import type { InterpreterImports } from "./abi.ts";

/** Bytes of a name that cannot be granted, for the message. */
const SHOWN_NAME_BYTES = 128;

/** What a program calls of the host's, by `extruntime.call`. */
export class HostAccess {
  /** The functions that its program was granted. */
  granted: HostCalls | undefined;
  bounds: Bounds = DEFAULT_BOUNDS;
  /** For which call it asks. */
  caller: Call = UNLIMITED;
  /** Takes an answer that comes later, by its number. */
  onAnswer: ((number: number, answer: string) => void) | undefined;
  readonly #memory: LinearMemory;
  readonly #stop: StopSwitch;
  readonly #room: (length: number) => number;
  /** Those whose answers are awaited. A number is never used again, so an answer that is late meets nobody. */
  readonly #open = new Set<number>();
  #last = 0;

  /** @param room a place in the memory for an answer of so many bytes. */
  constructor(memory: LinearMemory, stop: StopSwitch, room: (length: number) => number) {
    this.#memory = memory;
    this.#stop = stop;
    this.#room = room;
  }

  /** Calls whose answers have not come. */
  get waiting(): number {
    return this.#open.size;
  }

  /** Answers that have not come are nobody's from here on. */
  forget(): void {
    this.#open.clear();
  }

  imports(): Pick<InterpreterImports, "host_call" | "host_begin"> {
    return {
      host_call: (name, nameLength, payload, length) =>
        this.put(this.#now(this.#text(name, nameLength), payload >>> 0, length >>> 0)),
      host_begin: (name, nameLength, payload, length, lengthOut) => {
        const answer = this.#later(this.#text(name, nameLength), payload >>> 0, length >>> 0);
        if (typeof answer === "number") return answer;
        const written = this.put(answer);
        if (this.#memory.has(lengthOut >>> 0, 4)) this.#memory.bytes.writeUInt32LE(written, lengthOut >>> 0);
        return 0;
      },
    };
  }

  /** Writes an answer into the memory, and returns its length. */
  put(answer: string): number {
    const text = escapeLoneSurrogates(answer);
    const length = Buffer.byteLength(text);
    this.#memory.write(text, this.#room(length), length);
    return length;
  }

  #now(name: string, payload: number, length: number): string {
    const refusal = this.#refusal(name, length);
    if (refusal !== undefined) return refusal;
    const answer = this.granted!.callNow(name, this.#text(payload, length), this.caller);
    this.#stop.check();
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
    void answer.then((text) => {
      if (this.#open.delete(number)) this.onAnswer?.(number, text);
    });
    return number;
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

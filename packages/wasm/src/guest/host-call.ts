import {
  type Bounds,
  type Call,
  ExtensionError,
  guestError,
  HOST_ANSWER,
  type HostCalls,
  hasStackRoom,
  notGranted,
  UNLIMITED,
} from "extruntime/engine";
import { ALLOC, abiError } from "../abi/abi.ts";
import type { Allocator } from "../abi/allocator.ts";
import { pack } from "../abi/packed.ts";
import type { EXTRUNTIME_FUNCTIONS } from "../machine/host-functions.ts";
import type { LinearMemory } from "../machine/memory/linear-memory.ts";
import { readUtf8 } from "../machine/memory/utf8.ts";
import type { StopSwitch } from "../machine/stop.ts";
import type { WasmFunction } from "../machine/webassembly.ts";
import { guestStack } from "./guest-failure.ts";

/**
 * `extruntime.host_call(name, name_length, payload, payload_length)`: how a guest calls a function that the host offers. It answers with
 * the place of the answer's text, in a buffer of the guest's own allocator, which the guest frees. What concerns the function
 * (not granted, a payload that is no JSON, an error that it threw) is such an answer too; what breaks this ABI ends the guest's call.
 *
 * `extruntime.fail(name, name_length, message, message_length)`: ends the guest's call with an error of that name and message. It does not return.
 */

/** Of a name that cannot be granted, for the message. */
const SHOWN_NAME_BYTES = 80;
/** In UTF-8 a UTF-16 unit has three at the most. */
const BYTES_PER_CHAR = 3;
/** What a payload of no bytes stands for. */
const NOTHING = "null";

type Functions = { readonly [Name in keyof typeof EXTRUNTIME_FUNCTIONS]: WasmFunction };

export class HostCall {
  readonly #memory: LinearMemory;
  readonly #stop: StopSwitch;
  readonly #host: HostCalls | undefined;
  readonly #names: readonly string[];
  readonly #longestName: number;
  readonly #bounds: Bounds;
  #allocator: Allocator | undefined;
  /** For which call the guest asks. */
  #caller: Call = UNLIMITED;
  /** The guest's allocator runs, for an answer. */
  #isAnswering = false;

  constructor(memory: LinearMemory, stop: StopSwitch, host: HostCalls | undefined, bounds: Bounds) {
    this.#bounds = bounds;
    this.#memory = memory;
    this.#stop = stop;
    this.#host = host;
    this.#names = host?.names ?? [];
    this.#longestName = Math.max(SHOWN_NAME_BYTES, ...this.#names.map((name) => Buffer.byteLength(name)));
  }

  imports(): Functions & Record<string, WasmFunction> {
    return {
      host_call: (name: number, nameLength: number, payload: number, payloadLength: number) =>
        this.#call(name >>> 0, nameLength >>> 0, payload >>> 0, payloadLength >>> 0),
      fail: (name: number, nameLength: number, message: number, messageLength: number) =>
        this.#fail(name >>> 0, nameLength >>> 0, message >>> 0, messageLength >>> 0),
    };
  }

  /** What the guest asks from here on it asks for this call. */
  serve(call: Call): void {
    this.#caller = call;
  }

  /** Until then, and so while a start function runs, there is nowhere to put an answer. */
  attach(allocator: Allocator | undefined): void {
    this.#allocator = allocator;
  }

  #call(name: number, nameLength: number, payload: number, payloadLength: number): bigint {
    // A guest that has caught its end gets nothing more done.
    if (this.#stop.reason !== undefined) throw this.#stop.reason;
    const allocator =
      this.#allocator ?? this.#end("host_call is called by the start function, before there is a memory to answer in");
    if (this.#isAnswering) this.#end(`host_call is called by ${ALLOC} while it makes room for the answer of another`);
    this.#check("host_call", "name", name, nameLength);
    this.#check("host_call", "payload", payload, payloadLength);
    if (!hasStackRoom()) throw new RangeError("Maximum call stack size exceeded");
    return this.#give(allocator, this.#answer(name, nameLength, payload, payloadLength));
  }

  #fail(nameStart: number, nameLength: number, messageStart: number, messageLength: number): never {
    if (this.#stop.reason !== undefined) throw this.#stop.reason;
    this.#check("fail", "name", nameStart, nameLength);
    this.#check("fail", "message", messageStart, messageLength);
    const text = (start: number, length: number) => this.#memory.bytes.utf8Slice(start, start + length);
    const name = text(nameStart, Math.min(nameLength, SHOWN_NAME_BYTES)) || "Error";
    const message = text(messageStart, Math.min(messageLength, this.#bounds.errorChars * BYTES_PER_CHAR));
    const stack = guestStack(Object.assign(new Error(message), { name }));
    return this.#stop.stop(guestError({ name, message, stack }));
  }

  #answer(nameStart: number, nameLength: number, payloadStart: number, payloadLength: number): string {
    const { bytes } = this.#memory;
    if (nameLength > this.#longestName)
      return notGranted(`${bytes.utf8Slice(nameStart, nameStart + SHOWN_NAME_BYTES)}…`, this.#names);
    const name = readUtf8(bytes, nameStart, nameStart + nameLength);
    if (name === undefined) return failure("TypeError", "the name of a host function must be UTF-8");
    if (this.#host === undefined || !this.#names.includes(name)) return notGranted(name, this.#names);
    const { hostCallBytes } = this.#bounds;
    if (payloadLength > hostCallBytes)
      return failure(
        "RangeError",
        `the host function ${name} takes up to ${hostCallBytes} bytes of JSON, and got ${payloadLength}`,
      );
    const payload = payloadLength === 0 ? NOTHING : readUtf8(bytes, payloadStart, payloadStart + payloadLength);
    if (payload === undefined) return failure("SyntaxError", `the host function ${name} takes JSON in UTF-8`);
    const { deadline } = this.#stop;
    const answer = this.#host.callNow(name, payload, this.#caller);
    if (deadline !== Number.POSITIVE_INFINITY) this.#stop.check();
    return answer;
  }

  #give(allocator: Allocator, answer: string): bigint {
    const length = Buffer.byteLength(answer);
    let pointer: number;
    this.#isAnswering = true;
    try {
      pointer = allocator.make(length, "a host function's answer");
    } catch (thrown) {
      if (ExtensionError.is(thrown)) this.#stop.stop(thrown);
      throw thrown;
    } finally {
      this.#isAnswering = false;
    }
    this.#memory.write(answer, pointer, length);
    return pack(pointer, length);
  }

  #check(caller: string, what: string, pointer: number, length: number): void {
    if (!this.#memory.has(pointer, length))
      this.#end(
        `${caller} got a ${what} of ${length} bytes at ${pointer}, and the memory has ${this.#memory.bytes.length} bytes`,
      );
  }

  #end(problem: string): never {
    return this.#stop.stop(abiError(problem));
  }
}

function failure(name: string, message: string): string {
  return HOST_ANSWER.failure + JSON.stringify([name, message]);
}

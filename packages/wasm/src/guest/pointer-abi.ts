import { type Bounds, type Call, type Instance, resultTooLong } from "extruntime/engine";
import { ALLOC, FREE } from "../abi/abi.ts";
import { Allocator } from "../abi/allocator.ts";
import { lengthOf, pointerOf } from "../abi/packed.ts";
import { badResult, readResult } from "../abi/result-text.ts";
import type { LinearMemory } from "../machine/memory/linear-memory.ts";
import { Guest, type GuestExports, type GuestOptions } from "./guest.ts";

/**
 * The pointer ABI: the host asks the guest for a buffer, writes the payload into it, calls `fn(ptr, len)`, copies the
 * result out, and gives both buffers back.
 */

type Free = (pointer: number, length: number) => void;
type GuestFunction = (pointer: number, length: number) => bigint;

export class PointerInstance implements Instance {
  broken = false;
  readonly #guest: Guest;
  readonly #memory: LinearMemory;
  readonly #functions = new Map<string, GuestFunction>();
  #allocator!: Allocator;
  #free!: Free;
  readonly #bounds: Bounds;
  /** Every call is to find it as it was after its start. */
  readonly #isFresh: boolean;
  #isUsed = false;

  /** Runs the guest's start function and `_initialize`. Throws what they fail with, and `ERR_EXT_TIMEOUT` at the deadline. */
  constructor(options: GuestOptions, name: string, functions: readonly string[], deadline: number, isFresh: boolean) {
    this.#bounds = options.bounds;
    this.#isFresh = isFresh;
    this.#guest = new Guest(options);
    this.#memory = this.#guest.memory;
    const exports = this.#guest.start([name], deadline);
    for (const fn of functions) this.#functions.set(fn, exports[fn] as unknown as GuestFunction);
    this.#bind(exports);
  }

  invoke(fn: string, payload: string, call: Call): string {
    if (this.#isFresh) this.#reset(call);
    this.#guest.serve(call);
    const moved = this.#guest.beginRun(call);
    if (moved !== undefined) this.#bind(moved);
    let result: string | number | undefined;
    try {
      result = this.#call(this.#functions.get(fn)!, payload);
      this.#guest.endRun();
    } catch (thrown) {
      const failure = this.#guest.failRun(thrown);
      // The next call puts it back where each does.
      if (!this.#isFresh) this.broken = !this.#guest.recover();
      throw failure;
    }
    if (typeof result === "string") return result;
    throw result === undefined ? badResult("is not valid UTF-8") : resultTooLong(result, this.#bounds);
  }

  close(): void {}

  #reset(call: Call): void {
    if (!this.#isUsed) {
      this.#isUsed = true;
      return;
    }
    try {
      const exports = this.#guest.reset(call);
      if (exports !== undefined) this.#bind(exports);
    } catch (thrown) {
      this.broken = true;
      throw thrown;
    }
  }

  #bind(exports: GuestExports): void {
    this.#allocator = new Allocator(this.#memory, this.#guest.maxBytes, exports[ALLOC]);
    this.#free = exports[FREE] as unknown as Free;
    for (const fn of this.#functions.keys()) this.#functions.set(fn, exports[fn] as unknown as GuestFunction);
  }

  /** The result's text; `undefined` for bytes that are not UTF-8, and their number where they are more than may be copied. */
  #call(guestFunction: GuestFunction, payload: string): string | number | undefined {
    const length = Buffer.byteLength(payload);
    // One byte at least: a pointer to nothing is undefined behaviour in the guest's language.
    const size = length === 0 ? 1 : length;
    const pointer = this.#allocator.make(size, "payload");
    this.#memory.write(payload, pointer, length);
    const packed = guestFunction(pointer, length);
    const resultPointer = pointerOf(packed);
    const resultLength = lengthOf(packed);
    const result = this.#read(resultPointer, resultLength);
    // A result that lies in the payload's buffer, such as the payload itself, goes with it.
    const isInPayload = resultPointer >= pointer && resultPointer < pointer + size;
    if (resultPointer !== 0 && !isInPayload) this.#free(resultPointer, resultLength);
    this.#free(pointer, size);
    return result;
  }

  #read(pointer: number, length: number): string | number | undefined {
    const bytes = this.#memory.bytes;
    if (pointer + length > bytes.length)
      throw badResult(`is out of bounds: ${length} bytes at ${pointer}, and the memory has ${bytes.length}`);
    return length > this.#bounds.resultBytes ? length : readResult(bytes, pointer, pointer + length);
  }
}

import { ExtensionError, guestError, type Instance } from "extruntime/engine";
import { ALLOC, FREE } from "./abi.ts";
import { Guest, type GuestOptions } from "./guest.ts";
import type { LinearMemory } from "./linear-memory.ts";
import { PAGE_BYTES } from "./memory-limit.ts";
import { badResult, readResult } from "./result-text.ts";

/**
 * The pointer ABI: the host asks the guest for a buffer, writes the payload into it, calls `fn(ptr, len)`, copies the
 * result out, and gives both buffers back.
 */

type Alloc = (length: number) => number;
type Free = (pointer: number, length: number) => void;
type GuestFunction = (pointer: number, length: number) => bigint;

/** Splits an i64 without arithmetic on BigInts, which would allocate. Used between two statements, so one serves all. */
const PACKED = new BigInt64Array(1);
const HALVES = new Uint32Array(PACKED.buffer);
const LOW = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

export class PointerInstance implements Instance {
  broken = false;
  readonly #guest: Guest;
  readonly #memory: LinearMemory;
  /** Bytes that the memory may have at the most. */
  readonly #maxBytes: number;
  readonly #functions = new Map<string, GuestFunction>();
  readonly #alloc: Alloc;
  readonly #free: Free;

  /** Runs the guest's start function and `_initialize`. Throws what they fail with. */
  constructor(options: GuestOptions, name: string, functions: readonly string[]) {
    this.#guest = new Guest(options);
    this.#memory = this.#guest.memory;
    this.#maxBytes = options.compiled.maxPages * PAGE_BYTES;
    const exports = this.#guest.start([name]);
    this.#alloc = exports[ALLOC] as unknown as Alloc;
    this.#free = exports[FREE] as unknown as Free;
    for (const fn of functions) this.#functions.set(fn, exports[fn] as unknown as GuestFunction);
  }

  invoke(fn: string, payload: string): string {
    let result: string | undefined;
    try {
      result = this.#call(this.#functions.get(fn)!, payload);
      this.#guest.endRun();
    } catch (thrown) {
      this.broken = true;
      throw this.#guest.failRun(thrown);
    }
    if (result === undefined) throw badResult("is not valid UTF-8");
    return result;
  }

  close(): void {}

  /** The result's text, or `undefined` for bytes that are not UTF-8. */
  #call(guestFunction: GuestFunction, payload: string): string | undefined {
    const length = Buffer.byteLength(payload);
    // One byte at least: a pointer to nothing is undefined behaviour in the guest's language.
    const size = length === 0 ? 1 : length;
    // Many an allocator traps where it should answer 0, and a trap says nothing of memory.
    if (size > this.#maxBytes) throw this.#noRoom(size, `the memory may have ${this.#maxBytes}`);
    const pointer = this.#alloc(size) >>> 0;
    this.#write(payload, pointer, length, size);
    PACKED[0] = guestFunction(pointer, length);
    const resultPointer = HALVES[HIGH]!;
    const resultLength = HALVES[LOW]!;
    const result = this.#read(resultPointer, resultLength);
    // A result that lies in the payload's buffer, such as the payload itself, goes with it.
    const isInPayload = resultPointer >= pointer && resultPointer < pointer + size;
    if (resultPointer !== 0 && !isInPayload) this.#free(resultPointer, resultLength);
    this.#free(pointer, size);
    return result;
  }

  #write(payload: string, pointer: number, length: number, size: number): void {
    // After the allocation, since that may have grown the memory.
    const bytes = this.#memory.bytes;
    if (pointer === 0) throw this.#noRoom(size, `${ALLOC} returned 0`);
    if (pointer + size > bytes.length)
      throw guestError({
        name: "AbiError",
        message: `${ALLOC}(${size}) returned ${pointer}, and the memory has ${bytes.length} bytes`,
        stack: "",
      });
    if (length === payload.length) bytes.latin1Write(payload, pointer, length);
    else bytes.utf8Write(payload, pointer, length);
  }

  #noRoom(size: number, why: string): ExtensionError {
    return new ExtensionError(
      "ERR_EXT_MEMORY",
      `the guest has no memory for ${size} bytes of payload: ${why}; raise limits.memoryMb`,
    );
  }

  #read(pointer: number, length: number): string | undefined {
    const bytes = this.#memory.bytes;
    if (pointer + length > bytes.length)
      throw badResult(`is out of bounds: ${length} bytes at ${pointer}, and the memory has ${bytes.length}`);
    return readResult(bytes, pointer, pointer + length);
  }
}

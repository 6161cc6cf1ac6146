import { randomFillSync } from "node:crypto";
import { ExtensionError, guestError } from "extruntime/engine";
import type { Allocator } from "../abi/allocator.ts";
import type { LinearMemory } from "../machine/memory/linear-memory.ts";
import type { StopSwitch } from "../machine/stop.ts";

/** As `crypto.getRandomValues` has it in browsers and in Node. */
const MAX_BYTES = 65_536;
/** Before the content of each object: size of its block, two words of the collector, id of its class, length of its content. */
const HEADER_BYTES = 20;
/** Of a `Uint8Array`: its buffer, where its data begins, its length. */
const VIEW_BYTES = 12;
/** The collector passes over objects of this colour, which are in none of its lists. */
const TRANSPARENT = 3;

/**
 * The `Uint8Array`s that `crypto.getRandomValuesN` answers with. AssemblyScript's library copies from such an array at
 * once and drops it. So it lies in a buffer of the guest's `__base_alloc`, looks to the guest's collector like an object
 * that is not its to free, and goes back when the guest's run has ended.
 */
export class RandomArrays {
  readonly #memory: LinearMemory;
  readonly #stop: StopSwitch;
  #allocator: Allocator | undefined;
  #free: ((pointer: number, length: number) => void) | undefined;
  readonly #made: [pointer: number, length: number][] = [];
  #isMaking = false;

  constructor(memory: LinearMemory, stop: StopSwitch) {
    this.#memory = memory;
    this.#stop = stop;
  }

  /** Until then, and so while a start function runs, there is nowhere to put one. */
  attach(allocator: Allocator | undefined, free: ((pointer: number, length: number) => void) | undefined): void {
    this.#allocator = allocator;
    this.#free = free;
    this.#made.length = 0;
  }

  /** The memory in which they lie is put back. */
  forget(): void {
    this.#made.length = 0;
  }

  /** The pointer of a new array of random bytes. */
  make(length: number): number {
    if (this.#stop.reason !== undefined) throw this.#stop.reason;
    const allocator = this.#allocator;
    if (length > MAX_BYTES)
      return this.#end(
        "QuotaExceededError",
        `crypto.getRandomValues fills up to ${MAX_BYTES} bytes, and got ${length}`,
      );
    if (allocator === undefined || this.#isMaking)
      return this.#end(
        "Error",
        "crypto.getRandomValues is called where the host has no memory of the guest's to answer in",
      );
    const size = 2 * HEADER_BYTES + VIEW_BYTES + length + 16;
    const start = this.#allocate(allocator, size);
    this.#made.push([start, size]);
    // Objects lie at 16 bytes, less the size of the block before them.
    const view = align(start + HEADER_BYTES);
    const data = align(view + VIEW_BYTES + HEADER_BYTES);
    return this.#fill(view, data, length);
  }

  /** Gives back what was made in the run that ends. */
  endRun(): void {
    for (const [pointer, size] of this.#made.splice(0)) this.#free?.(pointer, size);
  }

  #allocate(allocator: Allocator, size: number): number {
    this.#isMaking = true;
    try {
      return allocator.make(size, "random bytes");
    } catch (thrown) {
      if (ExtensionError.is(thrown)) this.#stop.stop(thrown);
      throw thrown;
    } finally {
      this.#isMaking = false;
    }
  }

  #fill(view: number, data: number, length: number): number {
    const { bytes } = this.#memory;
    for (const [object, size] of [
      [view, VIEW_BYTES],
      [data, length],
    ] as const) {
      bytes.fill(0, object - HEADER_BYTES, object);
      bytes.writeUInt32LE(TRANSPARENT, object - HEADER_BYTES + 4);
      bytes.writeUInt32LE(size, object - 4);
    }
    bytes.writeUInt32LE(data, view);
    bytes.writeUInt32LE(data, view + 4);
    bytes.writeUInt32LE(length, view + 8);
    randomFillSync(bytes, data, length);
    return view;
  }

  #end(name: string, message: string): never {
    return this.#stop.stop(guestError({ name, message, stack: "" }));
  }
}

function align(pointer: number): number {
  return (pointer + 3) & ~3;
}

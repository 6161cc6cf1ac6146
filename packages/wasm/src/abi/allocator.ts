import { ExtensionError } from "extruntime/engine";
import type { LinearMemory } from "../machine/memory/linear-memory.ts";
import { ALLOC, abiError } from "./abi.ts";

type Alloc = (length: number) => number;

/** The guest's own allocator, of which the host asks for room for what it hands over. Its answers are the guest's word, so each is checked. */
export class Allocator {
  readonly #memory: LinearMemory;
  /** Bytes that the memory may have at the most. */
  readonly #maxBytes: number;
  readonly #alloc: Alloc;

  constructor(memory: LinearMemory, maxBytes: number, alloc: unknown) {
    this.#memory = memory;
    this.#maxBytes = maxBytes;
    this.#alloc = alloc as Alloc;
  }

  /**
   * The pointer of `size` bytes inside the memory, which may have grown. `what` they are for goes into messages.
   *
   * @throws ExtensionError `ERR_EXT_MEMORY` where the guest has none, `ERR_EXT_GUEST` for a pointer that leads outside; whatever the guest throws.
   */
  make(size: number, what: string): number {
    // Many an allocator traps where it should answer 0, and a trap says nothing of memory.
    if (size > this.#maxBytes) throw noRoom(size, what, `the memory may have ${this.#maxBytes}`);
    const pointer = this.#alloc(size) >>> 0;
    if (pointer === 0) throw noRoom(size, what, `${ALLOC} returned 0`);
    if (!this.#memory.has(pointer, size))
      throw abiError(`${ALLOC}(${size}) returned ${pointer}, and the memory has ${this.#memory.bytes.length} bytes`);
    return pointer;
  }
}

function noRoom(size: number, what: string, why: string): ExtensionError {
  return new ExtensionError(
    "ERR_EXT_MEMORY",
    `the guest has no memory for ${size} bytes of ${what}: ${why}; raise limits.memoryMb`,
  );
}

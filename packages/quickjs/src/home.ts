import { UNLIMITED } from "extruntime/engine";
import type { LinearMemory } from "./linear-memory.ts";
import { brokenMachine, outOfMemory } from "./vm/outcome.ts";
import { Vm } from "./vm/vm.ts";
import type { Handle, VmOptions } from "./vm/vm-options.ts";

/** Where one guest lives. */
export interface Home {
  /** Bytes of heap that it takes. */
  readonly heapBytes: number;
  /** Its VM, for one call; prepared, where the guest is still to be loaded. `undefined` where the guest is lost. */
  enter(): Vm | undefined;
  /** The call has ended. Returns whether the guest is lost. */
  leave(): boolean;
  /** Lets the guest go. Not during a call. @param handles those that the host still holds. */
  close(handles: Iterable<Handle>): void;
}

/** A home whose guest begins each call from the state in which it was loaded. */
export interface FreshHome extends Home {
  /** The state that calls begin from: what is there now. Once, when the guest is loaded and no call runs. */
  keepStart(): StartState;
}

/** The state of a loaded guest. Opaque. */
export interface StartState {
  readonly byteLength: number;
}

/** Where programs find homes for their guests. */
export interface Homes {
  /** A home for a guest to be loaded in. `room` tells how many bytes of heap it may have at present. */
  open(options: VmOptions, room: (home: Home) => number): Home;
  /** Homes whose guests begin each call anew. Left out where there are none. */
  openFresh?(options: VmOptions, room: (home: Home) => number, start?: StartState): FreshHome;
  /** Frees what is kept for guests to come. */
  close(): void;
}

/** Where plain homes get linear memories from. */
export interface MemorySource {
  /** A live memory in which no guest runs at present, the same one as long as it can be. */
  take(): LinearMemory;
  /** Lets go of a memory that has no users any more. */
  drop(memory: LinearMemory): void;
}

/**
 * Homes with a VM of their own each, made anew: several in one memory, where its source gives the same one again. For a memory that all modules share,
 * and for builds to debug with, which count what is left behind.
 */
export class PlainHomes implements Homes {
  readonly #memories: MemorySource;

  constructor(memories: MemorySource) {
    this.#memories = memories;
  }

  open(options: VmOptions): Home {
    const memory = this.#memories.take();
    try {
      return new PlainHome(new Vm(memory, options), this.#memories);
    } catch (error) {
      memory.dead = true;
      throw memory.exhausted ? outOfMemory(error) : brokenMachine(error);
    }
  }

  close(): void {}
}

class PlainHome implements Home {
  readonly #vm: Vm;
  readonly #memories: MemorySource;
  #prepared = false;

  constructor(vm: Vm, memories: MemorySource) {
    this.#vm = vm;
    this.#memories = memories;
  }

  get heapBytes(): number {
    return this.#vm.memory.heapBytes;
  }

  enter(): Vm | undefined {
    // A neighbour in the same memory may have broken it.
    if (this.#vm.memory.dead) return undefined;
    if (!this.#prepared) this.#vm.run(UNLIMITED, () => this.#vm.prepare());
    this.#prepared = true;
    return this.#vm;
  }

  leave(): boolean {
    if (!this.#vm.broken) this.#vm.collectIfCrowded();
    return this.#vm.broken;
  }

  close(handles: Iterable<Handle>): void {
    const vm = this.#vm;
    vm.releaseAll(handles);
    vm.free();
    if (vm.memory.users === 0 || vm.memory.dead) this.#memories.drop(vm.memory);
  }
}

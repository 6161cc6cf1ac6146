import type { LinearMemory } from "../linear-memory.ts";
import type { MemoryDifference, MemoryImage } from "../memory-image.ts";
import { Vm } from "../vm/vm.ts";
import { type Base, reseed } from "./base.ts";
import type { Tenant } from "./tenant.ts";

const anyRoom = () => Number.POSITIVE_INFINITY;

/** A linear memory that holds one guest at a time, and is put back to a base before it holds another. */
export class Machine {
  readonly memory: LinearMemory;
  /** The guest in it, since it was put back. */
  tenant: Tenant | undefined;
  /** A call of its guest runs, or waits. */
  busy = false;
  /** When its guest was called last, on the clock of its set. */
  lastUsed = 0;
  #base: Base | undefined;
  #vm: Vm | undefined;
  /** What calls of its guest begin from, where they begin anew: one copy is faster than a base and a difference. */
  #start: MemoryImage | undefined;

  constructor(memory: LinearMemory, base?: Base, vm?: Vm) {
    this.memory = memory;
    this.#base = base;
    this.#vm = vm;
  }

  /** Of its guest. */
  get vm(): Vm {
    return this.#vm!;
  }

  /** Lets a guest in, with the state that it had; without one it is to be loaded. */
  moveIn(tenant: Tenant, base: Base, state: MemoryDifference | undefined): void {
    const { memory } = this;
    memory.restore(base.image, state);
    if (this.#base !== base) {
      if (this.#vm !== undefined) memory.detach(this.#vm.state.runtime, this.#vm.state.context);
      this.#vm = new Vm(memory, tenant.options, base.vm);
      this.#base = base;
    } else this.vm.renew(tenant.options);
    this.tenant = tenant;
    memory.room = () => tenant.room;
  }

  /** Its guest, and with it all that it has done, is no more. */
  moveOut(): void {
    this.tenant = undefined;
    this.#start = undefined;
    this.memory.room = anyRoom;
  }

  /** Puts its guest back to a state that it had. */
  restart(start: MemoryDifference): void {
    if (this.#start !== undefined) this.memory.restore(this.#start);
    else {
      this.memory.restore(this.#base!.image, start);
      this.#start = this.memory.image();
    }
    this.vm.renew();
  }

  reseed(): void {
    reseed(this.memory, this.#base!);
  }
}

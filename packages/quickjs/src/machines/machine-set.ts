import type { FreshHome, Home, Homes, StartState } from "../home.ts";
import type { LinearMemory } from "../linear-memory.ts";
import { startUpKey } from "../vm/start-up.ts";
import type { Vm } from "../vm/vm.ts";
import type { VmOptions } from "../vm/vm-options.ts";
import { type Base, makeBase } from "./base.ts";
import { Machine } from "./machine.ts";
import { FreshTenant, Tenant } from "./tenant.ts";

/** How many machines idle guests may hold. */
export interface MachineCount {
  /** Each takes a quarter of a megabyte, where a guest that is kept takes a tenth of that. */
  readonly fewest: number;
  /** The same where guests that had to leave come back: to move one in and another out takes as long as some calls. */
  readonly most: number;
}

const COUNT: MachineCount = { fewest: 8, most: 32 };
/** A guest with a larger heap stays where it is: to move it would take longer than to make a memory. Its memory is not kept for others. */
const MOVED_HEAP_BYTES = 4 * 2 ** 20;
/** Milliseconds after which a machine that nobody used is given up. */
const IDLE_MS = 5000;

/** The memories in which the guests of an engine run, by turns: never two in one at a time. */
export class MachineSet implements Homes {
  readonly #makeMemory: () => LinearMemory;
  readonly #count: MachineCount;
  readonly #bases = new Map<string, Base>();
  readonly #machines = new Set<Machine>();
  /** Machines that idle guests may hold at present. */
  #most: number;
  /** Counts calls. */
  #clock = 0;
  #clockAtSweep = 0;
  #sweeps: NodeJS.Timeout | undefined;

  constructor(makeMemory: () => LinearMemory, count = COUNT) {
    this.#makeMemory = makeMemory;
    this.#count = count;
    this.#most = count.fewest;
  }

  open(options: VmOptions, room: (home: Home) => number): Home {
    return new Tenant(this, this.#baseFor(options), options, room);
  }

  openFresh(options: VmOptions, room: (home: Home) => number, start?: StartState): FreshHome {
    return new FreshTenant(this, this.#baseFor(options), options, room, start);
  }

  close(): void {
    this.#machines.clear();
    this.#bases.clear();
    this.#stopSweeps();
  }

  /** A call of its guest begins. */
  begin(machine: Machine): Vm {
    machine.busy = true;
    machine.lastUsed = ++this.#clock;
    return machine.vm;
  }

  end(machine: Machine): void {
    machine.busy = false;
  }

  /** A machine without a guest. @param comesBack the guest that wants it had to leave another. */
  take(comesBack: boolean): Machine {
    if (comesBack) this.#most = Math.min(this.#count.most, this.#most + 1);
    let oldest: Machine | undefined;
    for (const machine of this.#machines) {
      if (machine.tenant === undefined) return machine;
      if (isMovable(machine) && (oldest === undefined || machine.lastUsed < oldest.lastUsed)) oldest = machine;
    }
    if (oldest === undefined || this.#machines.size < this.#most) return this.#add(new Machine(this.#makeMemory()));
    oldest.tenant!.moveOut();
    return oldest;
  }

  /** Its guest has left. It is kept for others where that costs little. */
  free(machine: Machine): void {
    const { memory } = machine;
    // Should frames of it still be on the stack, they must not go on in what belongs to others then.
    const { running } = machine.vm;
    if (running) memory.dead = true;
    machine.busy = false;
    if (running || memory.grown || memory.heapBytes > MOVED_HEAP_BYTES) this.#machines.delete(machine);
    machine.moveOut();
  }

  #baseFor(options: VmOptions): Base {
    const key = startUpKey(options);
    let base = this.#bases.get(key);
    if (base === undefined) {
      const memory = this.#makeMemory();
      const [made, vm] = makeBase(memory, options);
      this.#add(new Machine(memory, made, vm));
      this.#bases.set(key, made);
      base = made;
    }
    return base;
  }

  #add(machine: Machine): Machine {
    this.#machines.add(machine);
    if (this.#machines.size > this.#count.fewest) this.#sweeps ??= setInterval(() => this.#sweep(), IDLE_MS).unref();
    return machine;
  }

  /** Gives up machines that nobody has used since the last time, but for a few. */
  #sweep(): void {
    for (const machine of [...this.#machines]) {
      if (this.#machines.size <= this.#count.fewest) break;
      if (machine.busy || machine.lastUsed > this.#clockAtSweep) continue;
      if (machine.tenant !== undefined && isMovable(machine)) machine.tenant.moveOut();
      if (machine.tenant === undefined) this.#machines.delete(machine);
    }
    this.#clockAtSweep = this.#clock;
    this.#most = Math.max(this.#count.fewest, this.#machines.size);
    if (this.#machines.size <= this.#count.fewest) this.#stopSweeps();
  }

  #stopSweeps(): void {
    clearInterval(this.#sweeps);
    this.#sweeps = undefined;
    this.#most = this.#count.fewest;
  }
}

function isMovable({ busy, memory }: Machine): boolean {
  return !busy && memory.heapBytes <= MOVED_HEAP_BYTES;
}

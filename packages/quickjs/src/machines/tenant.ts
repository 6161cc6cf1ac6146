import type { FreshHome, Home, StartState } from "../home.ts";
import type { MemoryDifference } from "../memory-image.ts";
import type { Vm } from "../vm/vm.ts";
import type { VmOptions } from "../vm/vm-options.ts";
import type { Base } from "./base.ts";
import type { Machine } from "./machine.ts";
import type { MachineSet } from "./machine-set.ts";

/** A guest that lives in a machine while it runs, and is kept as its difference to the base while others want the machine. */
export class Tenant implements Home {
  readonly options: VmOptions;
  protected readonly set: MachineSet;
  protected machine: Machine | undefined;
  readonly #base: Base;
  readonly #room: (home: Home) => number;
  #kept: MemoryDifference | undefined;
  /** Of the heap, in its last machine. */
  #heapBytes = 0;
  #watermark: number | undefined;

  constructor(set: MachineSet, base: Base, options: VmOptions, room: (home: Home) => number) {
    this.set = set;
    this.#base = base;
    this.options = options;
    this.#room = room;
  }

  /** Bytes of heap that it may have at present. */
  get room(): number {
    return this.#room(this);
  }

  get heapBytes(): number {
    return this.machine?.memory.heapBytes ?? this.#heapBytes;
  }

  enter(): Vm {
    if (this.machine === undefined) this.#moveIn();
    return this.set.begin(this.machine!);
  }

  leave(): boolean {
    const { vm } = this.machine!;
    if (!vm.broken) vm.collectIfCrowded();
    this.set.end(this.machine!);
    return vm.broken;
  }

  close(): void {
    this.#kept = undefined;
    this.leaveMachine();
  }

  /** Leaves its machine to others, with its state, which is moved back in when it is called. */
  moveOut(): void {
    const { memory } = this.machine!;
    this.#kept = memory.differenceFrom(this.#base.image);
    this.#heapBytes = memory.heapBytes;
    this.#watermark = memory.watermark;
    this.leaveMachine();
  }

  protected leaveMachine(): void {
    const { machine } = this;
    this.machine = undefined;
    if (machine !== undefined) this.set.free(machine);
  }

  #moveIn(): void {
    const kept = this.#kept;
    const machine = this.set.take(kept !== undefined);
    machine.moveIn(this, this.#base, kept);
    // Its next dice are its own, as they were.
    if (kept === undefined) machine.reseed();
    if (this.#watermark === undefined) machine.memory.startWatermark();
    else machine.memory.watermark = this.#watermark;
    this.machine = machine;
    this.#kept = undefined;
  }
}

/** A guest whose calls begin from the state in which it was loaded, which all guests of its program have in common. */
export class FreshTenant extends Tenant implements FreshHome {
  readonly #freshBase: Base;
  #start: MemoryDifference | undefined;
  /** It has run since it was put back. */
  #used = false;

  constructor(set: MachineSet, base: Base, options: VmOptions, room: (home: Home) => number, start?: StartState) {
    super(set, base, options, room);
    this.#freshBase = base;
    this.#start = start as MemoryDifference | undefined;
  }

  override enter(): Vm {
    if (this.machine === undefined) this.#moveInAnew();
    else if (this.#used) this.#restart(this.machine);
    this.#used = true;
    return this.set.begin(this.machine!);
  }

  override leave(): boolean {
    const machine = this.machine!;
    this.set.end(machine);
    if (this.#start === undefined) return machine.vm.broken;
    // What has grown is given up: nothing makes a memory smaller.
    if (machine.memory.grown) this.leaveMachine();
    return false;
  }

  keepStart(): StartState {
    this.#start = this.machine!.memory.differenceFrom(this.#freshBase.image);
    return this.#start;
  }

  /** What a call has left is nothing to keep. */
  override moveOut(): void {
    this.leaveMachine();
  }

  #moveInAnew(): void {
    const machine = this.set.take(this.#start !== undefined);
    machine.moveIn(this, this.#freshBase, this.#start);
    machine.reseed();
    machine.memory.startWatermark();
    this.machine = machine;
  }

  #restart(machine: Machine): void {
    machine.restart(this.#start!);
    machine.reseed();
    machine.memory.startWatermark();
  }
}

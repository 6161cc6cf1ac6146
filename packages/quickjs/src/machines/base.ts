import { randomFillSync } from "node:crypto";
import { UNLIMITED } from "extruntime/engine";
import type { LinearMemory } from "../linear-memory.ts";
import type { MemoryImage } from "../memory-image.ts";
import { Vm } from "../vm/vm.ts";
import type { VmOptions } from "../vm/vm-options.ts";
import type { VmState } from "../vm/vm-state.ts";

/** What guests of one start-up begin from: a VM with the start-up's code in it, and no guest. */
export interface Base {
  readonly image: MemoryImage;
  readonly vm: VmState;
  /** Address of the state of `Math.random`, eight bytes. */
  readonly seed: number;
}

/** What a context seeds `Math.random` with, the time in microseconds, while a base is made. */
const MARKED_TIME_MS = 1_234_567_890_123;
const MARKED_SEED = BigInt(MARKED_TIME_MS) * 1000n;
/** Of a context, at the most. */
const CONTEXT_BYTES = 1024;

/** Makes a base in a memory that has just been made, and a VM for it. */
export function makeBase(memory: LinearMemory, options: VmOptions): [Base, Vm] {
  const vm = memory.atTime(MARKED_TIME_MS, () => new Vm(memory, options));
  const seed = memory.findLong(
    vm.state.context,
    CONTEXT_BYTES,
    Number(BigInt.asIntN(32, MARKED_SEED)),
    Number(MARKED_SEED >> 32n),
  );
  if (seed < 0) throw new Error("the seed of Math.random was not found in the build of QuickJS");
  vm.run(UNLIMITED, () => vm.prepare());
  return [{ image: memory.image(), vm: vm.state, seed }, vm];
}

/** Random numbers are fetched many at a time. */
const random = new Int32Array(512);
let used = random.length;

/** Gives `Math.random` a seed of its own: guests from one image would throw the same dice. */
export function reseed(memory: LinearMemory, { seed }: Base): void {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  // A seed of zero would stay zero.
  memory.setLong(seed, random[used]! | 1, random[used + 1]!);
  // Whoever reads the host's memory learns nothing of seeds that were given.
  random.fill(0, used, used + 2);
  used += 2;
}

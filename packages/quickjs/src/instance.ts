import { type Call, ExtensionError, type Instance } from "extruntime/engine";
import { MARK } from "./dispatcher.ts";
import { readOutcome } from "./outcome.ts";
import type { Guest, QuickJSProgram } from "./program.ts";
import type { Vm } from "./vm.ts";

/** A guest that serves calls. `invoke` runs it to the end on the calling thread, its promises included. */
export class QuickJSInstance implements Instance {
  readonly #program: QuickJSProgram;
  #guest: Guest;
  #broken = false;

  constructor(program: QuickJSProgram, guest: Guest) {
    this.#program = program;
    this.#guest = guest;
  }

  get broken(): boolean {
    return this.#broken;
  }

  invoke(fn: string, payload: string, call: Call): string {
    refuseNul(payload);
    if (this.#guest.vm.memory.dead) this.#revive(call);
    const { vm, invokers } = this.#guest;
    try {
      return vm.run(call, () => answer(vm, invokers.get(fn)!, payload));
    } finally {
      if (!vm.broken) vm.collectIfCrowded();
      this.#broken = vm.broken;
    }
  }

  close(): void {
    this.#program.unload(this.#guest);
  }

  /** A neighbour in the same linear memory broke it while this instance was idle: start over, as a replaced instance would. */
  #revive(call: Call): void {
    this.#broken = true;
    const guest = this.#program.load(call);
    this.#program.unload(this.#guest);
    this.#guest = guest;
  }
}

function answer(vm: Vm, invoker: number, payload: string): string {
  const first = vm.callWithText(invoker, payload);
  vm.drain();
  return readOutcome(first === MARK.pending ? vm.take() : first, (details) => vm.thrown(details));
}

/** QuickJS takes strings that end at a NUL, and JSON has none. */
function refuseNul(payload: string): void {
  if (payload.includes("\0"))
    throw new ExtensionError("ERR_EXT_BAD_PAYLOAD", "the payload is not JSON: it contains a NUL character");
}

import { type Call, ExtensionError, type HostCalls, type Instance } from "extruntime/engine";
import { HostedCall } from "./hosted-call.ts";
import type { Guest, QuickJSProgram } from "./program.ts";
import type { Vm } from "./vm/vm.ts";

/** A guest that serves calls. `invoke` runs it to the end on the calling thread, its promises included, or until it has to wait for the host. */
export class QuickJSInstance implements Instance {
  readonly #program: QuickJSProgram;
  /** Calls a host function, where the guest was granted any. */
  readonly #ask: HostCalls["call"] | undefined;
  /** There where host functions are: they must then answer at once, so that the guest has nothing to wait for. */
  readonly invokeSync?: (fn: string, payload: string, call: Call) => string;
  #guest: Guest;
  #broken = false;
  /** The call that runs or waits, of a guest that may call host functions. */
  #hosted: HostedCall | undefined;

  constructor(program: QuickJSProgram, guest: Guest) {
    this.#program = program;
    this.#guest = guest;
    const { host } = program;
    this.#ask = host?.call.bind(host);
    const askNow = host?.callNow.bind(host);
    if (askNow !== undefined)
      this.invokeSync = (fn, payload, call) => this.#invokeHosted(askNow, fn, payload, call) as string;
  }

  get broken(): boolean {
    return this.#broken;
  }

  invoke(fn: string, payload: string, call: Call): string | Promise<string> {
    if (this.#ask !== undefined) return this.#invokeHosted(this.#ask, fn, payload, call);
    refuseNul(payload);
    const vm = this.#enter(call);
    const { home, invokers } = this.#guest;
    try {
      return vm.run(call, () => vm.result(vm.begin(invokers.get(fn)!, payload)));
    } finally {
      this.#broken = home.leave();
    }
  }

  abort(): void {
    this.#hosted?.abort();
  }

  close(): void {
    this.#program.unload(this.#guest);
  }

  #invokeHosted(ask: HostCalls["call"], fn: string, payload: string, call: Call): string | Promise<string> {
    refuseNul(payload);
    const vm = this.#enter(call);
    const { home, invokers } = this.#guest;
    this.#hosted = new HostedCall(vm, ask, call, () => {
      this.#hosted = undefined;
      this.#broken = home.leave();
    });
    return this.#hosted.start(invokers.get(fn)!, payload);
  }

  #enter(call: Call): Vm {
    return this.#guest.home.enter() ?? this.#revive(call);
  }

  /** A neighbour in the same linear memory broke it while this instance was idle: start over, as a replaced instance would. */
  #revive(call: Call): Vm {
    this.#broken = true;
    const guest = this.#program.load(call);
    this.#program.unload(this.#guest);
    this.#guest = guest;
    return guest.home.enter()!;
  }
}

/** QuickJS takes strings that end at a NUL, and JSON has none. */
function refuseNul(payload: string): void {
  if (payload.includes("\0"))
    throw new ExtensionError("ERR_EXT_BAD_PAYLOAD", "the payload is not JSON: it contains a NUL character");
}

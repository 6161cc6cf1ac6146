import {
  type Bounds,
  type Call,
  type CompileContext,
  DEFAULT_BOUNDS,
  DeadlineTimer,
  type Extension,
  ExtensionError,
  type Instance,
  type Program,
} from "extruntime/engine";
import { Guest } from "./guest.ts";
import type { Invoker } from "./guest-call.ts";
import { V8Instance } from "./instance.ts";
import type { IsolatedVm } from "./isolated-vm.ts";
import { type GuestCode, loadGuest } from "./load-guest.ts";
import type { Sources } from "./sources.ts";
import { runLater, runNow } from "./steps.ts";

export interface ProgramOptions {
  readonly memoryMb: number;
  readonly intl: boolean;
}

/** A guest whose top level has run. */
export interface LoadedGuest {
  readonly guest: Guest;
  /** By the names of the manifest's exports. */
  readonly invokers: ReadonlyMap<string, Invoker>;
}

/** Isolates that V8 may give up on before the module gets no more: each keeps a sleeping thread and its memory until the process ends. */
const MOST_LOST = 4;

/** The sources of one extension, and the code cache that its instances share. */
export class V8Program implements Program {
  readonly #vm: IsolatedVm;
  readonly #extension: Extension;
  readonly #code: GuestCode;
  readonly #context: CompileContext;
  readonly #options: ProgramOptions;
  #lost = 0;

  constructor(
    vm: IsolatedVm,
    extension: Extension,
    sources: Sources,
    context: CompileContext,
    options: ProgramOptions,
  ) {
    this.#vm = vm;
    this.#extension = extension;
    this.#code = { sources, exports: extension.manifest.exports, cache: new Map() };
    this.#context = context;
    this.#options = options;
  }

  async instantiate(call: Call): Promise<Instance> {
    return new V8Instance(this, await this.load(call));
  }

  /** Makes an isolate with the guest in it, off this thread but for the making of the isolate itself. */
  async load(call: Call): Promise<LoadedGuest> {
    const guest = this.#newGuest();
    const deadline = killAtDeadline(guest, call);
    try {
      return { guest, invokers: await runLater(guest, loadGuest(this.#vm, guest, this.#code)) };
    } catch (error) {
      guest.close();
      throw error;
    } finally {
      deadline.stop();
    }
  }

  /** The same on this thread, for a guest that was loaded before. */
  loadNow(call: Call): LoadedGuest {
    const guest = this.#newGuest();
    try {
      return { guest, invokers: runNow(guest, loadGuest(this.#vm, guest, this.#code), call.deadline) };
    } catch (error) {
      guest.close();
      throw error;
    }
  }

  get bounds(): Bounds {
    return this.#context.bounds ?? DEFAULT_BOUNDS;
  }

  close(): void {}

  #newGuest(): Guest {
    if (this.#lost >= MOST_LOST) throw this.#givenUp();
    return new Guest(this.#vm, {
      ...this.#options,
      host: this.#context.host,
      bounds: this.bounds,
      log: (level, message) => this.#context.log(level, message),
      onLost: () => this.#noticeLoss(),
    });
  }

  #noticeLoss(): void {
    this.#lost++;
    process.emitWarning(
      `the extension ${this.#extension.manifest.name} asked V8 at once for more memory than its isolate may have, which V8 does not survive: the isolate, its memory and its thread stay until the process ends (${this.#lost} of ${MOST_LOST} for this module)`,
      { type: "ExtruntimeWarning", code: "EXTRUNTIME_V8_ISOLATE_LOST" },
    );
  }

  #givenUp(): ExtensionError {
    return new ExtensionError(
      "ERR_EXT_CRASHED",
      `${MOST_LOST} of its isolates ran out of memory in a way that V8 does not survive, and it gets no more: raise limits.memoryMb, or run it in the quickjs engine, and load it anew`,
    );
  }
}

function killAtDeadline(guest: Guest, call: Call): DeadlineTimer {
  const error = new ExtensionError("ERR_EXT_TIMEOUT", "its top level was stopped at its deadline");
  return new DeadlineTimer(call.deadline, () => guest.kill(error));
}

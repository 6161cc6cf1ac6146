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
import type { Guest } from "./guest/guest.ts";
import type { Invoker } from "./guest/guest-call.ts";
import { type GuestCode, loadGuest } from "./guest/load-guest.ts";
import { spareGuests } from "./guest/spare-guests.ts";
import { runLater, runNow } from "./guest/sync-or-async.ts";
import type { Sources } from "./guest-javascript/index.ts";
import { V8Instance } from "./instance.ts";
import type { IsolatedVm } from "./isolate/isolated-vm.ts";

export interface ProgramOptions {
  readonly memoryMb: number;
  readonly intl: boolean;
  readonly patient: boolean;
}

/** A guest whose top level has run. */
export interface LoadedGuest {
  readonly guest: Guest;
  /** By the names of the manifest's exports. */
  readonly invokers: ReadonlyMap<string, Invoker>;
}

/** Isolates that V8 may give up on before the module gets no more: each keeps a sleeping thread and its memory until the process ends. */
const MOST_LOST = 4;

/** Milliseconds that a close waits for guests that were ended, before it says that one is left. Where V8 looks, it lets go within a few. */
const CLOSE_MS = 1000;

/** The sources of one extension, and the code cache that its instances share. */
export class V8Program implements Program {
  readonly #vm: IsolatedVm;
  readonly #extension: Extension;
  readonly #code: GuestCode;
  readonly #context: CompileContext;
  readonly #options: ProgramOptions;
  #lost = 0;
  /** Its guests that V8 has not let go of. */
  readonly #left = new Set<Guest>();

  constructor(
    vm: IsolatedVm,
    extension: Extension,
    sources: Sources,
    context: CompileContext,
    options: ProgramOptions,
  ) {
    this.#vm = vm;
    this.#extension = extension;
    const { exports } = extension.manifest;
    this.#code = { sources, config: context.config, exports, cache: new Map() };
    this.#context = context;
    this.#options = options;
  }

  async instantiate(call: Call): Promise<Instance> {
    return new V8Instance(this, await this.load(call));
  }

  /** Makes an isolate with the guest in it, off this thread but for the making of the isolate itself. */
  async load(call: Call): Promise<LoadedGuest> {
    const guest = this.#newGuest(call);
    const deadline = killAtDeadline(guest, call);
    try {
      return { guest, invokers: await runLater(guest, loadGuest(guest, this.#code)) };
    } catch (error) {
      guest.close();
      throw error;
    } finally {
      deadline.stop();
    }
  }

  /** The same on this thread, for a guest that was loaded before. */
  loadNow(call: Call): LoadedGuest {
    const guest = this.#newGuest(call);
    try {
      return { guest, invokers: runNow(guest, loadGuest(guest, this.#code), call.deadline) };
    } catch (error) {
      guest.close();
      throw error;
    }
  }

  get bounds(): Bounds {
    return this.#context.bounds ?? DEFAULT_BOUNDS;
  }

  /** Where V8 lets go of what was ended, that is over then. */
  async close(): Promise<void> {
    if (this.#left.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const longEnough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([Promise.all([...this.#left].map((guest) => guest.gone())), longEnough]);
    clearTimeout(timer);
    if (this.#left.size > 0) this.#tellOfStrays();
  }

  #newGuest(load: Call): Guest {
    if (this.#lost >= MOST_LOST) throw this.#givenUp();
    const { host } = this.#context;
    const guest = spareGuests.take(this.#vm, { ...this.#options, hosted: host !== undefined, bounds: this.bounds });
    guest.own({
      host,
      log: (level, message, call) => this.#context.log(level, message, call),
      onLost: () => this.#noticeLoss(),
      onLeft: (left) => this.#noticeStray(left),
    });
    guest.speaker = () => load;
    return guest;
  }

  #noticeStray(guest: Guest): void {
    this.#left.add(guest);
    void guest.gone().then(() => this.#left.delete(guest));
  }

  #tellOfStrays(): void {
    process.emitWarning(
      `the extension ${this.#extension.manifest.name} is closed, and ${this.#left.size} of its calls that were ended still compute inside V8, which looks only between its own steps: each keeps a core until it is through; place such an extension in a process, which is ended`,
      { type: "ExtruntimeWarning", code: "EXTRUNTIME_V8_STILL_RUNNING" },
    );
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

import { boundError } from "../contract/bounds.ts";
import { ExtensionError, locate } from "../errors.ts";
import { tellLimit } from "./limit-told.ts";
import type { LimitedCall } from "./limits.ts";
import type { ModuleSetup } from "./module-setup.ts";
import type { Slot } from "./pool/slot.ts";
import { crashOf, isCrash } from "./refusals.ts";

/** Errors as the callers of a module get them: within their bounds, with where they happened and the limit that was passed. */
export class ModuleErrors {
  readonly #setup: ModuleSetup;

  constructor(setup: ModuleSetup) {
    this.#setup = setup;
  }

  /** Of what an engine threw. Marks the slot where the engine crashed. */
  explain(error: unknown, fn: string | undefined, slot: Slot | undefined, call: LimitedCall): unknown {
    if (ExtensionError.is(error)) {
      const placed = this.#setup.map === undefined ? error : this.#setup.map.applyTo(error);
      return this.located(boundError(placed, this.#setup.bounds.errorChars), fn, call);
    }
    if (!isCrash(error, call)) return error;
    if (slot !== undefined) slot.broken = true;
    return locate(crashOf(this.#setup.runtime, error), this.#setup.manifest.name, fn);
  }

  /** @param call set for what its limits may have ended. */
  located(error: ExtensionError, fn: string | undefined, call?: LimitedCall): ExtensionError {
    tellLimit(error, this.#setup, call);
    return locate(error, this.#setup.manifest.name, fn);
  }

  closed(fn: string): ExtensionError {
    return this.#closed(fn, "is closed");
  }

  aborted(fn: string): ExtensionError {
    return this.#closed(fn, "was closed and its calls were aborted");
  }

  #closed(fn: string, how: string): ExtensionError {
    return this.located(new ExtensionError("ERR_EXT_CLOSED", `the module ${how}`), fn);
  }
}

import { ExtensionError } from "extruntime/engine";
import { Bridge } from "./bridge.ts";
import { type FoundPython, findPython } from "./find-python.ts";

/** How CPython is started; the same for every pyvm of a process, which has one CPython. */
export interface CPythonOptions {
  /** An executable or a shared library. */
  readonly python?: string | undefined;
  readonly environment: boolean;
  readonly allocator: "python" | "system";
}

/** The CPython that runs in this process. */
export interface RunningPython {
  readonly bridge: Bridge;
  /** `3.13`. */
  readonly version: string;
  readonly freeThreaded: boolean;
  /** Whether it has interpreters with a GIL of their own (3.12 and later). */
  readonly ownGil: boolean;
}

/** Finds CPython once, and starts it at the first load. */
export class CPython {
  readonly #options: CPythonOptions;
  #found: FoundPython | undefined;
  #running: Promise<RunningPython> | undefined;

  constructor(options: CPythonOptions) {
    this.#options = options;
  }

  /** Without a `venv`, what was found once stays. @throws ExtensionError `ERR_EXT_UNSUPPORTED` where there is none. */
  find(venv?: string): FoundPython {
    if (this.#found === undefined || (venv !== undefined && this.#running === undefined))
      this.#found = findPython({ python: this.#options.python, venv });
    return this.#found;
  }

  /** @param venv of the extension that is loaded; only that of the first counts. */
  start(venv: string | undefined): Promise<RunningPython> {
    if (this.#running === undefined) {
      this.#running = this.#start(venv);
      // A failure is not kept: the reason may be gone by the next load.
      this.#running.catch(() => {
        this.#running = undefined;
      });
    }
    return this.#running;
  }

  async #start(venv: string | undefined): Promise<RunningPython> {
    const bridge = Bridge.get();
    const found = this.find(venv);
    const request = {
      library: found.library,
      programName: found.executable,
      environment: this.#options.environment,
      systemAllocator: this.#options.allocator === "system",
      // Sanitizers refuse it; that is what the variable is for.
      deepBinding: process.env.PYVM_NO_DEEP_BINDING !== "1",
    };
    try {
      await bridge.ask<void>((token) => bridge.addon.start(token, request));
    } catch (error) {
      const problem = ExtensionError.is(error) ? error.message : String(error);
      throw new ExtensionError("ERR_EXT_UNSUPPORTED", `${found.library} could not be started: ${problem}`, {
        cause: error,
      });
    }
    const { ownGil, withoutGil } = bridge.addon.about();
    bridge.addon.spare();
    return { bridge, version: found.version, freeThreaded: withoutGil, ownGil };
  }
}

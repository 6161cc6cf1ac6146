import { createRuntime, type Runtime, type RuntimeOptions, registerEngine } from "extruntime/engine";
import { type V8EngineOptions, v8Engine } from "./engine.ts";
import { loadIsolatedVm } from "./isolate/isolated-vm.ts";

export type { V8EngineOptions };

/** Options of {@link v8}: those of every engine, and its own. */
export type V8Options = RuntimeOptions & V8EngineOptions;

/**
 * The runtime for JavaScript in V8 isolates. Guests reach nothing but their own globals and `console`, run beside the
 * calling thread, and can be stopped at any time. It needs isolated-vm, which is installed by the host; without it, every
 * load fails with `ERR_EXT_UNSUPPORTED`.
 *
 * @throws TypeError for options that are not as they must be.
 */
export function v8(options: V8Options = {}): Runtime {
  const { intl, ...runtimeOptions } = options;
  return createRuntime(v8Engine({ intl }), runtimeOptions);
}

registerEngine({
  name: "v8",
  package: "@extruntime/v8",
  create: v8,
  probe: async () => {
    await loadIsolatedVm();
  },
});

import { createRuntime, type Runtime, type RuntimeOptions, registerEngine } from "extruntime/engine";
import { loadAddon } from "./addon.ts";
import { type PyvmEngineOptions, pyvmEngine } from "./engine.ts";
import { findPython } from "./find-python.ts";

export { type FoundPython, type PythonCandidate, type PythonChoice, pythonCandidates } from "./find-python.ts";
export type { PyvmEngineOptions };

/** Options of {@link pyvm}: those of every engine, and its own. */
export type PyvmOptions = RuntimeOptions & PyvmEngineOptions;

/**
 * The runtime for Python: a CPython found on this machine, inside this process. It is no sandbox: guests may do what the
 * process may. Where no CPython is found, the runtime says so in `unavailable`, and its `load` fails.
 *
 * @throws TypeError for options that are not as they must be.
 */
export function pyvm(options: PyvmOptions = {}): Runtime {
  const { python, environment, allocator, maxStuck, graceMs, ...runtimeOptions } = options;
  return createRuntime(pyvmEngine({ python, environment, allocator, maxStuck, graceMs }), runtimeOptions);
}

registerEngine({
  name: "pyvm",
  package: "@extruntime/pyvm",
  create: pyvm,
  probe: async () => {
    loadAddon();
    findPython();
  },
});

import { createRuntime, type Runtime, type RuntimeOptions, registerEngine } from "extruntime/engine";
import { stubEngine } from "./engine.ts";

/** Options of {@link pyvm}: those of every engine. */
export type PyvmOptions = RuntimeOptions;

/**
 * Stands in for `@extruntime/pyvm` in a build that wants no Python: the same factory, name and capabilities, but every
 * `load` fails with `ERR_EXT_UNSUPPORTED` and says how to get the real engine.
 */
export function pyvm(options: PyvmOptions = {}): Runtime {
  return createRuntime(stubEngine, options);
}

registerEngine({ name: "pyvm", package: "@extruntime/pyvm-stub", create: pyvm, stub: true });

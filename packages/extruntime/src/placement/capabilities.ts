import type { Engine } from "../contract/engine.ts";
import type { Capabilities } from "../contract/runtime.ts";
import type { Placement } from "../manifest/manifest.ts";
import { supervisorProgram } from "./process/supervisor.ts";

/** What an engine promises at a placement: its own promises, and those that the place adds or takes. */
export function capabilitiesAt(engine: Engine, placement: Placement): Capabilities {
  const own = engine.capabilities;
  if (placement === "inline") return own;
  if (placement === "thread")
    return {
      ...own,
      // Code that the thread's end cannot stop is still left behind, and its caller answered in time.
      // Signals fire on the host's own thread, which no guest holds.
      deadline: engine.origin?.threadAbort ?? "interpreted",
      signal: engine.origin?.threadAbort ?? "interpreted",
      parallel: true,
    };
  return {
    ...own,
    deadline: "hard",
    signal: "hard",
    crashIsolation: true,
    memoryLimit: own.memoryLimit || supervisorProgram() !== undefined,
    parallel: true,
    // A thread cannot wait for a process but by spinning.
    sync: false,
  };
}

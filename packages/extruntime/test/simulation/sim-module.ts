import type { Capabilities, Manifest } from "../../dist/index.js";
import type { Core } from "./core.ts";
import type { ModulePlan } from "./plan.ts";
import type { World } from "./world.ts";

export interface ModuleParts {
  readonly world: Pick<World, "core" | "clock" | "random">;
  readonly number: number;
  readonly placement: "thread" | "process";
  readonly plan: ModulePlan;
  readonly workers: InstanceType<Core["WorkerPool"]>;
  readonly budget: InstanceType<Core["InstanceBudget"]>;
  onCloseError(error: unknown): void;
}

/** The real module over the real placement, of a guest that may ask the host. */
export function simModule(parts: ModuleParts): InstanceType<Core["LoadedModule"]> {
  const { number, placement, plan, workers, budget, onCloseError } = parts;
  const { core, clock, random } = parts.world;
  const bounds = core.DEFAULT_BOUNDS;
  const manifest: Manifest = {
    name: `module${number}`,
    version: "1.0.0",
    description: undefined,
    runtime: "simulated",
    module: undefined,
    exports: ["run"],
    functions: [{ name: "run", description: undefined, input: undefined, output: undefined }],
    permissions: ["ask"],
    limits: {},
    placement: undefined,
    config: undefined,
    metadata: {},
    settings: {},
  };
  const message = {
    manifest,
    location: "",
    dir: undefined,
    memoryBytes: undefined,
    limited: false,
    deadlines: undefined,
    config: undefined,
    fresh: undefined,
    maxInstances: 1,
    bounds,
    files: [],
  };
  const host = {
    names: ["ask"],
    call: () => new Promise<string>((resolve) => clock.toHost(clock.now + random.ms(0.01, 50), () => resolve("=null"))),
    callNow: () => "=null",
  };
  const program = new core.PlacedProgram(workers, { message, files: [] }, undefined, { log() {}, host });
  const capabilities: Capabilities = {
    languages: [],
    hardSandbox: false,
    nativeAddon: false,
    deadline: "hard",
    signal: "hard",
    crashIsolation: true,
    memoryLimit: false,
    parallel: true,
    sync: placement === "thread",
    hostFunctions: true,
    freshCalls: false,
  };
  return new core.LoadedModule({
    manifest,
    runtime: "simulated",
    placement,
    capabilities,
    bounds,
    limits: {
      ...bounds,
      ...{ timeoutMs: plan.timeoutMs, loadTimeoutMs: plan.timeoutMs, memoryMb: undefined },
      ...{ maxInstances: plan.pool, maxQueue: plan.queue, fresh: undefined },
    },
    limitSources: {},
    host: undefined,
    schemas: undefined,
    named: false,
    map: undefined,
    output: new core.GuestLog(() => {}, bounds),
    program,
    pool: {
      size: plan.pool,
      queue: plan.queue,
      budget,
      loadTimeoutMs: plan.timeoutMs,
      onReplaced: () => {},
      onCloseError,
    },
    onClosed: () => {},
  });
}

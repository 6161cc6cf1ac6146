import { realpathSync } from "node:fs";
import { relative } from "node:path";
import type { Engine, EngineOrigin } from "../contract/engine.ts";
import { ExtensionError } from "../errors.ts";
import type { Placement } from "../manifest/manifest.ts";
import { capabilitiesAt } from "./capabilities.ts";
import { PlacedProgram, pack } from "./host/placed-program.ts";
import { WorkerPool, type WorkerPoolSetup } from "./host/worker-pool.ts";
import { mostOwnWorkers, mostWorkers, type PlacementOptions, type ProcessOptions } from "./options.ts";
import { checkCgroup } from "./process/cgroup.ts";
import { checkProcessAgent } from "./process/child.ts";
import { isSandboxed } from "./process/command.ts";
import { ProcessLink } from "./process/link.ts";
import { checkSandbox } from "./process/sandbox.ts";
import { SUPERVISOR_REMEDY, supervisorProgram } from "./process/supervisor.ts";
import { checkThreadAgent, ThreadLink } from "./thread/link.ts";
import { PROTOCOL_VERSION, type StartMessage } from "./wire/protocol.ts";

/**
 * The engine, with its instances in worker threads or child processes. The host side stays as it is: to the core this is
 * an engine like any other.
 *
 * @throws ExtensionError `ERR_EXT_UNSUPPORTED` where it cannot be placed there.
 */
export function place(engine: Engine, placement: Exclude<Placement, "inline">, options: PlacementOptions): Engine {
  const origin = originOf(engine, placement);
  if (placement === "thread") checkThreadAgent();
  else checkProcessAgent();
  const start: StartMessage = {
    version: PROTOCOL_VERSION,
    engine: { module: origin.module, export: origin.export, options: origin.options },
    path: process.env.PATH,
  };
  const setup = placement === "thread" ? threads(engine, start, options) : processes(engine, start, options);
  const pool = new WorkerPool(setup);
  const capabilities = capabilitiesAt(engine, placement);
  // Where the engine cannot keep a memory limit, each instance has a worker of its own, and that is limited.
  const byWorker = !engine.capabilities.memoryLimit;
  return {
    ...engine,
    capabilities,
    tellsCalls: true,
    async compile(extension, context) {
      const workerMemory = byWorker ? context.memoryBytes : undefined;
      const memoryBytes = byWorker ? undefined : context.memoryBytes;
      const seen = seesFolder(extension.dir, placement, options);
      const packed = await pack(extension, { ...context, memoryBytes }, seen, workerMemory !== undefined);
      const program = new PlacedProgram(pool, packed, workerMemory, context);
      try {
        await program.check(context.lazy !== true);
        return program;
      } catch (error) {
        program.close();
        throw error;
      }
    },
    close: () => pool.close(),
  };
}

function threads(engine: Engine, start: StartMessage, { threads = {} }: PlacementOptions): WorkerPoolSetup {
  return {
    kind: "thread",
    max: mostWorkers(threads.max),
    spare: threads.spare ?? 1,
    perProgram: undefined,
    softAbort: engine.capabilities.deadline !== false,
    parallel: engine.capabilities.parallel,
    connect: (events) => new ThreadLink(start, threads.resourceLimits, events),
  };
}

function processes(engine: Engine, start: StartMessage, { processes = {} }: PlacementOptions): WorkerPoolSetup {
  if (isSandboxed(processes)) checkSandbox();
  checkLimits(processes);
  if (processes.cgroup !== undefined) checkCgroup(processes.cgroup);
  const shared = processes.shared ?? engine.capabilities.hardSandbox;
  const max = shared ? mostWorkers(processes.max) : mostOwnWorkers(processes.max);
  return {
    kind: "process",
    max,
    spare: processes.spare ?? 1,
    perProgram: shared ? undefined : Math.min(max, mostWorkers(undefined)),
    softAbort: engine.capabilities.deadline !== false,
    parallel: engine.capabilities.parallel,
    connect: (events, memoryBytes) => new ProcessLink(start, processes, memoryBytes, events),
  };
}

/** @throws ExtensionError `ERR_EXT_UNSUPPORTED` for a limit that nobody would keep here. */
function checkLimits(options: ProcessOptions): void {
  const name = (["memoryMb", "tasks", "cgroup"] as const).find((each) => options[each] !== undefined);
  if (name === undefined || supervisorProgram() !== undefined) return;
  const why = process.platform === "linux" ? SUPERVISOR_REMEDY : `it is for Linux, and this is ${process.platform}`;
  throw new ExtensionError("ERR_EXT_UNSUPPORTED", `processes.${name} cannot be kept: ${why}; or leave it out`);
}

/** Whether workers can read an extension's folder; else its files are sent. */
function seesFolder(dir: string | undefined, placement: Placement, { processes }: PlacementOptions): boolean {
  const sandbox = placement === "process" ? processes?.sandbox : undefined;
  if (sandbox === undefined || sandbox === false || dir === undefined) return true;
  const readable = sandbox === true ? [] : (sandbox.readable ?? []);
  return readable.some((path) => !/^\.\.(\/|$)/.test(relative(realpathSync(path), dir)));
}

/** @throws ExtensionError `ERR_EXT_UNSUPPORTED` for an engine that cannot be made again. */
function originOf({ name, origin }: Engine, placement: Placement): EngineOrigin {
  const problem =
    origin === undefined
      ? `the ${name} engine does not say how a worker makes it (its origin is missing), so it runs inline only`
      : (origin.refusal ?? (placement === "thread" ? origin.threadRefusal : undefined));
  if (origin !== undefined && problem === undefined) return origin;
  throw new ExtensionError(
    "ERR_EXT_UNSUPPORTED",
    `the ${name} runtime cannot run with placement ${JSON.stringify(placement)}: ${problem}`,
  );
}

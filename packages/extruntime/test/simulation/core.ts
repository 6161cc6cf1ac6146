import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));
/** Below `node_modules`, where it finds what the package imports, and is imported by Node as it is. */
const COPIES = fileURLToPath(new URL("../../node_modules/.simulation/", import.meta.url));

/** What the simulation runs of the core. */
export interface Core {
  readonly LoadedModule: typeof import("../../dist/call/module.js").LoadedModule;
  readonly InstanceBudget: typeof import("../../dist/contract/instance-budget.js").InstanceBudget;
  readonly GuestLog: typeof import("../../dist/kit/guest-log.js").GuestLog;
  readonly DEFAULT_BOUNDS: typeof import("../../dist/contract/bounds.js").DEFAULT_BOUNDS;
  readonly ExtensionError: typeof import("../../dist/errors.js").ExtensionError;
  readonly NOT_STARTED: typeof import("../../dist/contract/engine.js").NOT_STARTED;
  readonly PlacedProgram: typeof import("../../dist/placement/host/placed-program.js").PlacedProgram;
  readonly WorkerPool: typeof import("../../dist/placement/host/worker-pool.js").WorkerPool;
  readonly CallStates: typeof import("../../dist/placement/wire/call-states.js").CallStates;
  readonly CALL_STATES_BYTES: number;
  readonly journal: typeof import("../../dist/placement/process/journal.js");
  readonly FrameBatch: typeof import("../../dist/placement/wire/stream.js").FrameBatch;
  readonly FrameStream: typeof import("../../dist/placement/wire/stream.js").FrameStream;
  readonly errorToJson: typeof import("../../dist/placement/wire/error.js").errorToJson;
}

/** A change of the built core: in which file, and what stands for what. */
export interface Change {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** The core, built, with these changes. */
export async function loadCore(name: string, changes: readonly Change[]): Promise<Core> {
  const folder = join(COPIES, `${name}-${process.pid}`);
  await mkdir(folder, { recursive: true });
  for (const entry of await readdir(DIST)) {
    if (!entry.startsWith("conformance")) await cp(join(DIST, entry), join(folder, entry), { recursive: true });
  }
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  for (const { file, from, to } of changes) {
    const text = await readFile(join(folder, file), "utf8");
    if (text.split(from).length !== 2) throw new Error(`${name}: ${file} has this not just once: ${from}`);
    await writeFile(join(folder, file), text.replace(from, to));
  }
  const load = (file: string) => import(/* @vite-ignore */ pathToFileURL(join(folder, file)).href);
  const [module, budget, log, bounds, errors, spi, program, pool, states, journal, stream, message] = await Promise.all(
    [
      "call/module.js",
      "contract/instance-budget.js",
      "kit/guest-log.js",
      "contract/bounds.js",
      "errors.js",
      "contract/engine.js",
      "placement/host/placed-program.js",
      "placement/host/worker-pool.js",
      "placement/wire/call-states.js",
      "placement/process/journal.js",
      "placement/wire/stream.js",
      "placement/wire/error.js",
    ].map(load),
  );
  return {
    ...module,
    ...budget,
    ...log,
    ...bounds,
    ...errors,
    ...spi,
    ...program,
    ...pool,
    ...states,
    journal,
    ...stream,
    ...message,
  };
}

export async function removeCopies(): Promise<void> {
  const mine = (await readdir(COPIES).catch(() => [])).filter((name) => name.endsWith(`-${process.pid}`));
  await Promise.all(mine.map((name) => rm(join(COPIES, name), { recursive: true, force: true })));
}

/** Few calls that a worker can hold, so that they run out. */
export const FEW_SLOTS: readonly Change[] = [
  { file: "placement/wire/call-states.js", from: "SLOTS = 4096", to: "SLOTS = 8" },
  { file: "placement/wire/call-states.js", from: "SLOT_BITS = 12", to: "SLOT_BITS = 3" },
];

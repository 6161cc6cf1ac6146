import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Discovery, ExtensionError, native, type Placement, type UnavailableEngine } from "extruntime";
import { delegatedCgroup, registeredEngines } from "extruntime/engine";

/** An engine that is there. */
export interface EngineFound {
  readonly name: string;
  readonly package: string;
  readonly version: string | undefined;
  /** Folder of the package. */
  readonly folder: string | undefined;
  readonly hardSandbox: boolean;
  readonly placements: readonly Placement[];
}

/** As pyvm tells it, in a version that does. */
export interface PythonCandidate {
  readonly path: string;
  readonly why: string;
  readonly python: { readonly version: string; readonly library: string; readonly freeThreaded: boolean } | undefined;
  readonly problem: string | undefined;
}

/** What processes are given here. */
export interface SystemFacts {
  /** Why `processes.sandbox` cannot be kept, with the remedy; `undefined` where it can. */
  readonly sandboxProblem: string | undefined;
  /** The control group that processes get groups in. */
  readonly cgroup: string | undefined;
  readonly memoryBytes: number;
  /** What a control group leaves of it to this process, where that is less. */
  readonly memoryLimitBytes: number | undefined;
  readonly cores: number;
}

export function enginesFound({ runtimes }: Discovery): EngineFound[] {
  return runtimes
    .filter(({ unavailable }) => unavailable === undefined)
    .map((runtime) => {
      const name =
        registeredEngines().find((each) => each.name === runtime.name && each.stub !== true)?.package ?? "extruntime";
      const folder = packageFolder(name);
      return {
        name: runtime.name,
        package: name,
        version: folder === undefined ? undefined : versionIn(folder),
        folder,
        hardSandbox: runtime.capabilities.hardSandbox,
        placements: (["inline", "thread", "process"] as const).filter((placement) =>
          works(() => runtime.capabilitiesAt(placement)),
        ),
      };
    });
}

/** Those that are known and not there; of one that a stub stands in for, once. */
export function enginesMissing({ unavailable }: Discovery): UnavailableEngine[] {
  return [...new Map(unavailable.map((each) => [each.name, each])).values()];
}

/** Where pyvm looks for a CPython, in its order; `undefined` where pyvm is not there to say so. */
export async function pythonCandidates(): Promise<readonly PythonCandidate[] | undefined> {
  const entry = resolved("@extruntime/pyvm");
  if (entry === undefined) return undefined;
  try {
    const pyvm = (await import(pathToFileURL(entry).href)) as { pythonCandidates?: () => readonly PythonCandidate[] };
    return pyvm.pythonCandidates?.();
  } catch {
    // An engine that does not load is told among the engines.
    return undefined;
  }
}

export async function systemFacts(): Promise<SystemFacts> {
  const memoryBytes = totalmem();
  const limit = process.constrainedMemory();
  return {
    sandboxProblem: await sandboxProblem(),
    cgroup: delegatedCgroup(),
    memoryBytes,
    memoryLimitBytes: limit > 0 && limit < memoryBytes ? limit : undefined,
    cores: availableParallelism(),
  };
}

/** The core itself is asked, as a host that wants one would. */
async function sandboxProblem(): Promise<string | undefined> {
  try {
    await native({ placement: "process", processes: { sandbox: true } }).close();
    return undefined;
  } catch (error) {
    if (ExtensionError.is(error)) return error.message;
    throw error;
  }
}

function works(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}

function packageFolder(name: string): string | undefined {
  const file = resolved(`${name}/package.json`);
  return file === undefined ? undefined : dirname(file);
}

/** From where engines are looked for. */
function resolved(name: string): string | undefined {
  const main = process.argv[1];
  const places = [...(main === undefined ? [] : [resolve(main)]), join(process.cwd(), "package.json"), import.meta.url];
  for (const place of places)
    try {
      return createRequire(place).resolve(name);
    } catch {
      // The next place may have it.
    }
  return undefined;
}

function versionIn(folder: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version?: string }).version;
  } catch {
    return undefined;
  }
}

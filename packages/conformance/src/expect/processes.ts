import { execFile } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { promisify } from "node:util";
import { mappedFileAddon } from "extruntime/engine";

const run = promisify(execFile);

/** Files whose code is mapped into this process before any engine is loaded: Node and the libraries that it needs. */
const AT_FIRST = new Set(codeOf("self"));
/** The system's own libraries, which are loaded when they are first needed. */
const SYSTEM = /^\/(usr\/)?lib(32|64|x32)?\//;

/**
 * Native addons in this process and, where the system shows them, in the processes below it, whatever they are called; not the one by which the placement itself
 * keeps its journal.
 */
export async function nativeAddonsLoaded(): Promise<string[]> {
  const { sharedObjects } = process.report.getReport() as unknown as { sharedObjects: string[] };
  const own = mappedFileAddon();
  const known = new Set([...AT_FIRST, process.execPath, own === undefined ? "" : realpathSync(own)]);
  const mapped = ["self", ...(await descendants()).map(String)].flatMap((pid) => {
    const program = programOf(pid);
    return codeOf(pid).filter((file) => file !== program && !known.has(file) && !SYSTEM.test(file));
  });
  return [...new Set([...sharedObjects.filter((file) => file.endsWith(".node") && !known.has(file)), ...mapped])];
}

/** Files with code that is mapped into a process, those that were removed since included. */
function codeOf(pid: string): string[] {
  return [...readProc(`${pid}/maps`).matchAll(/^\S+ ..x. .*?\s(\/.+?)(?: \(deleted\))?$/gm)].map((match) => match[1]!);
}

function programOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return "";
  }
}

/** Ids of the processes below this one, grandchildren included. */
export async function descendants(): Promise<number[]> {
  if (process.platform === "win32") return [];
  return below(process.platform === "linux" ? linuxRows() : await psRows());
}

/** Bytes that the processes below this one have in memory now; 0 where the system does not show it. */
export function residentBelow(): number {
  return [...residentEach().values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** The same, by process. */
export function residentEach(): Map<number, number> {
  const pids = process.platform === "linux" ? below(linuxRows()) : [];
  return new Map(pids.map((pid) => [pid, residentOf(pid)]));
}

interface Row {
  readonly pid: number;
  readonly parent: number;
}

function below(rows: readonly Row[]): number[] {
  const found: number[] = [];
  for (let parents = [process.pid]; parents.length > 0; ) {
    const children = rows.filter((row) => parents.includes(row.parent)).map((row) => row.pid);
    found.push(...children);
    parents = children;
  }
  return found;
}

function linuxRows(): Row[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      const text = readProc(`${name}/stat`);
      // The name is in parentheses and may have some of its own; the state and the parent come after it.
      return { pid: Number(name), parent: Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]) };
    });
}

async function psRows(): Promise<Row[]> {
  const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid=,comm="]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((row) => row !== null && !/(^|\/)ps$/.test(row[3]!))
    .map((row) => ({ pid: Number(row![1]), parent: Number(row![2]) }));
}

function residentOf(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(readProc(`${pid}/status`))?.[1];
  return Number(kibibytes ?? 0) * 1024;
}

/** Empty for a process that has ended. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch {
    return "";
  }
}

/** Ends processes at once. One that has just ended by itself is no error. */
export function kill(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

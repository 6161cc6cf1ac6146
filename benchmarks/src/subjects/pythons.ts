import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** A CPython with a shared library. */
export interface Python {
  readonly executable: string;
  /** `3.13`, or `3.13t` without a GIL. */
  readonly tag: string;
  /** `3.13.5`. */
  readonly version: string;
}

/** The one that the figures are about, where it is there. */
const REFERENCE = "3.13";

const ASK = `
import json, sys, sysconfig
var = sysconfig.get_config_var
print(json.dumps([sys.executable, "%d.%d" % sys.version_info[:2] + ("t" if var("Py_GIL_DISABLED") else ""),
                  "%d.%d.%d" % sys.version_info[:3], bool(var("Py_ENABLE_SHARED"))]))
`;

/** The CPythons of this machine, one a version, the reference first. `PYVM_PYTHON`, where it is set, is the only one. */
export function findPythons(): Python[] {
  const chosen = process.env.PYVM_PYTHON;
  const found = new Map<string, Python>();
  for (const path of chosen ? [chosen] : candidates()) {
    const python = ask(path);
    if (python !== undefined && !found.has(python.tag)) found.set(python.tag, python);
  }
  return [...found.values()].sort((a, b) => rank(a) - rank(b) || (a.tag < b.tag ? 1 : -1));
}

function rank({ tag }: Python): number {
  return tag === REFERENCE ? 0 : 1;
}

/** Where scripts/get-python.sh has put packages for a CPython, `orjson` and `msgspec` among them; throws where it has not. */
export function packagesFolder(executable: string | undefined): string {
  const python = executable === undefined ? undefined : ask(executable);
  const folder = join(cacheFolder(), `small-packages-${python?.tag}`);
  if (python === undefined || !existsSync(folder))
    throw new Error(`${folder} is missing: scripts/get-python.sh --numpy`);
  return folder;
}

function cacheFolder(): string {
  return process.env.EXTRUNTIME_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "extruntime");
}

/** What scripts/get-python.sh has made, then what the system has. */
function candidates(): string[] {
  const cache = cacheFolder();
  const versions = ["3.14", "3.13", "3.12", "3.11"];
  const cached = existsSync(cache) ? readdirSync(cache).filter((name) => name.startsWith("python3")) : [];
  const paths = [
    // A free-threaded one may have its executable with or without the letter.
    ...cached.flatMap((name) => [name, name.replace(/t$/, "")].map((file) => join(cache, name, "bin", file))),
    ...["/usr/local/bin", "/usr/bin", "/opt/homebrew/bin"].flatMap((bin) =>
      versions.map((version) => join(bin, `python${version}`)),
    ),
  ];
  return paths.filter(existsSync);
}

function ask(path: string): Python | undefined {
  const { status, stdout } = spawnSync(path, ["-I", "-c", ASK], { encoding: "utf8", timeout: 10_000 });
  if (status !== 0) return undefined;
  const [executable, tag, version, shared] = JSON.parse(stdout) as [string, string, string, boolean];
  return shared ? { executable, tag, version } : undefined;
}

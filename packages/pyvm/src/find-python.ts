import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { ExtensionError } from "extruntime/engine";

/** A CPython that can be loaded. */
export interface FoundPython {
  /** Real path of the shared library. */
  readonly library: string;
  /** The executable that belongs to it. */
  readonly executable: string;
  /** `3.13`. */
  readonly version: string;
  readonly freeThreaded: boolean;
}

/** Versions looked for on the PATH, newest first. */
const VERSIONS = ["3.14", "3.13", "3.12", "3.11"];
const OLDEST_MINOR = 11;
const NEWEST_MINOR = 14;
/** Milliseconds for an executable to tell about itself: 20 at rest, and seconds where others keep the machine busy. */
const PROBE_TIMEOUT = 60_000;

const PROBE = `
import json, os, sys, sysconfig
var = sysconfig.get_config_var
base = sys.base_exec_prefix
folders = [var("LIBDIR"), base + "/lib", base + "/lib64", var("PYTHONFRAMEWORKPREFIX")]
if var("LIBDIR") and var("MULTIARCH"):
    folders.append(var("LIBDIR") + "/" + var("MULTIARCH"))
names = [var("INSTSONAME"), var("LDLIBRARY")]
try:
    loaded = [line.split(None, 5)[5].strip() for line in open("/proc/self/maps") if "libpython" in line]
except OSError:
    loaded = []
print(json.dumps({
    "implementation": sys.implementation.name, "version": sys.version_info[:2],
    "libraries": list(dict.fromkeys(f for f in loaded if os.path.basename(f) in names))
    + [f + "/" + n for f in folders if f for n in names if n and not n.endswith(".a")],
    "shared": bool(var("Py_ENABLE_SHARED") or var("PYTHONFRAMEWORK")),
    "freeThreaded": bool(var("Py_GIL_DISABLED")), "executable": getattr(sys, "_base_executable", "") or sys.executable,
}))
`;

interface Told {
  readonly implementation: string;
  readonly version: readonly [number, number];
  readonly libraries: readonly string[];
  readonly shared: boolean;
  readonly freeThreaded: boolean;
  readonly executable: string;
}

export interface PythonChoice {
  /** An executable or a library, of the option `python`. */
  readonly python?: string | undefined;
  /** Prefix of the virtual environment of a manifest. */
  readonly venv?: string | undefined;
}

/**
 * Finds a CPython: the option, else `PYVM_PYTHON`, and nothing but them where one is given; else the virtual environment,
 * `python3.14` … `python3.11` and `python3` on the PATH, and well-known places.
 *
 * Blocks for as long as the executables take to tell about themselves: some 20 ms for the first that serves.
 *
 * @throws ExtensionError `ERR_EXT_UNSUPPORTED` with what was tried and how to install one.
 */
export function findPython(choice: PythonChoice = {}): FoundPython {
  const tried: string[] = [];
  const asked = new Set<string>();
  for (const [why, path] of candidates(choice)) {
    if (asked.has(path)) continue;
    asked.add(path);
    const found = examine(path);
    if (typeof found !== "string") return found;
    tried.push(`${path} (${why}): ${found}`);
  }
  throw new ExtensionError("ERR_EXT_UNSUPPORTED", explain(tried));
}

/** A place where a CPython was looked for. */
export interface PythonCandidate {
  readonly path: string;
  /** What named it, for people: `on the PATH`. */
  readonly why: string;
  /** The CPython, where it serves. */
  readonly python: FoundPython | undefined;
  /** Why it does not. */
  readonly problem: string | undefined;
}

/** All places where a CPython is looked for, in their order; the first that serves is the one that is taken. Blocks while each tells about itself. */
export function pythonCandidates(choice: PythonChoice = {}): PythonCandidate[] {
  const byPath = new Map<string, PythonCandidate>();
  for (const [why, path] of candidates(choice)) {
    if (byPath.has(path)) continue;
    const found = examine(path);
    const serves = typeof found !== "string";
    byPath.set(path, { path, why, python: serves ? found : undefined, problem: serves ? undefined : found });
  }
  return [...byPath.values()];
}

/**
 * The shortest way to a CPython that was found: its library where that leads to the same, since an executable must be run to tell about itself.
 */
export function shortestWay(found: FoundPython): string {
  const same = fromLibrary(found.library);
  const isSame =
    typeof same !== "string" &&
    same.library === found.library &&
    same.executable === found.executable &&
    same.version === found.version &&
    same.freeThreaded === found.freeThreaded;
  return isSame ? found.library : found.executable;
}

/** What is wrong with the CPython at a path, or the CPython. */
function examine(path: string): FoundPython | string {
  if (!existsSync(path)) return "there is no such file";
  if (statSync(path).isDirectory()) return "it is a folder; name the executable or the library in it";
  return isLibrary(path) ? fromLibrary(path) : fromExecutable(path);
}

function isLibrary(path: string): boolean {
  return /\.(so|dylib)(\.[\d.]+)?$/.test(path) || /\/Python$/.test(path);
}

/** A library is taken at its word; the executable beside it, whether it is there or not, tells Python where it lives. */
function fromLibrary(path: string): FoundPython | string {
  const library = realpathSync(path);
  const named = /python(3\.\d+)(t?)/i.exec(basename(library)) ?? /Versions\/(3\.\d+)(t?)/.exec(library);
  if (named === null) return "its name has no version such as libpython3.13.so, so its executable cannot be told";
  const [, version = "", threads = ""] = named;
  const wrong = wrongVersion(Number(version.slice(2)));
  if (wrong !== undefined) return wrong;
  const executables = [dirname(dirname(library)), dirname(dirname(dirname(library))), "/usr"].map((prefix) =>
    join(prefix, "bin", `python${version}${threads}`),
  );
  const executable = executables.find((each) => existsSync(each)) ?? executables[0]!;
  return { library, executable, version, freeThreaded: threads === "t" };
}

/** Of executables that served, by their path and what may change what they tell. A process has one CPython, and many runtimes of it. */
const served = new Map<string, FoundPython>();

function fromExecutable(path: string): FoundPython | string {
  const { size, mtimeMs } = statSync(path);
  const key = JSON.stringify([path, size, mtimeMs, process.cwd(), process.env.PATH]);
  const before = served.get(key);
  if (before !== undefined && existsSync(before.library)) return before;
  const found = ask(path);
  if (typeof found !== "string") served.set(key, found);
  return found;
}

function ask(path: string): FoundPython | string {
  const run = spawnSync(path, ["-I", "-S", "-c", PROBE], { encoding: "utf8", timeout: PROBE_TIMEOUT });
  if (run.error !== undefined) return `it cannot be run: ${run.error.message}`;
  if (run.status !== 0) return `it ended with ${run.status ?? run.signal}: ${lastLine(run.stderr)}`;
  let told: Told;
  try {
    told = JSON.parse(lastLine(run.stdout)) as Told;
  } catch {
    return "it did not tell about itself";
  }
  if (told.implementation !== "cpython") return `it is ${told.implementation}, and pyvm loads CPython`;
  const [major, minor] = told.version;
  const wrong = major === 3 ? wrongVersion(minor) : `it is Python ${major}, and pyvm loads 3.11 to 3.14`;
  if (wrong !== undefined) return wrong;
  const library = told.libraries.find((each) => existsSync(each));
  if (library === undefined) return missingLibrary(told);
  return {
    library: realpathSync(library),
    executable: told.executable,
    version: `${major}.${minor}`,
    freeThreaded: told.freeThreaded,
  };
}

function missingLibrary(told: Told): string {
  if (!told.shared) return "it is a static build, without a shared library";
  const [, minor] = told.version;
  return `its shared library is not installed (${told.libraries.join(", ")}); on Debian and Ubuntu: apt-get install libpython3.${minor}`;
}

function wrongVersion(minor: number): string | undefined {
  if (minor >= OLDEST_MINOR && minor <= NEWEST_MINOR) return undefined;
  return `it is CPython 3.${minor}, and pyvm loads 3.${OLDEST_MINOR} to 3.${NEWEST_MINOR}`;
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

function* candidates(choice: PythonChoice): Generator<[string, string]> {
  if (choice.python !== undefined) {
    yield ["the option python", choice.python];
    return;
  }
  const fromEnvironment = process.env.PYVM_PYTHON;
  if (fromEnvironment !== undefined && fromEnvironment !== "") {
    yield ["PYVM_PYTHON", fromEnvironment];
    return;
  }
  if (choice.venv !== undefined) yield ["the manifest's python.venv", join(choice.venv, "bin", "python")];
  for (const name of [...VERSIONS.map((version) => `python${version}`), "python3"]) {
    for (const folder of (process.env.PATH ?? "").split(delimiter)) {
      const path = join(folder, name);
      if (folder !== "" && isExecutable(path)) yield ["on the PATH", path];
    }
  }
  for (const path of wellKnown()) if (isExecutable(path)) yield ["a well-known place", path];
}

/** Where package managers and version managers put CPython, newest version first. */
function* wellKnown(): Generator<string> {
  const home = homedir();
  for (const version of VERSIONS) {
    for (const bin of ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]) yield join(bin, `python${version}`);
    yield `/opt/homebrew/opt/python@${version}/bin/python${version}`;
    yield `/usr/local/opt/python@${version}/bin/python${version}`;
    yield `/Library/Frameworks/Python.framework/Versions/${version}/bin/python${version}`;
    yield* versionsIn(join(home, ".pyenv", "versions"), version, version);
    yield* versionsIn(join(home, ".local", "share", "uv", "python"), `cpython-${version}`, version);
  }
}

/** `bin/python3.x` of the folders in `parent` whose names begin with `prefix`. */
function versionsIn(parent: string, prefix: string, version: string): string[] {
  if (!existsSync(parent)) return [];
  const folders = readdirSync(parent).filter((name) => name === prefix || name.startsWith(`${prefix}.`));
  return folders.sort().map((name) => join(parent, name, "bin", `python${version}`));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function explain(tried: readonly string[]): string {
  const list =
    tried.length === 0 ? "  nothing, for there is no python3 on the PATH" : tried.map((line) => `  ${line}`).join("\n");
  return (
    `pyvm found no CPython 3.${OLDEST_MINOR} to 3.${NEWEST_MINOR} with a shared library. Tried:\n${list}\n` +
    "Install one (Debian and Ubuntu: apt-get install python3 libpython3-dev; Fedora: dnf install python3 python3-libs; " +
    "macOS: brew install python), or name the executable or the library in PYVM_PYTHON or in the option `python`"
  );
}

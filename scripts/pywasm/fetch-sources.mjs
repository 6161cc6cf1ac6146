// Fetches the sources of CPython and of the C libraries into a work folder, each by its registry's own client.
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { output } from "../guests/find-toolchains.mjs";
import { StepFailed } from "../workspace.mjs";
import { run } from "./run.mjs";
import { workingCargo } from "./toolchain.mjs";

export const PYTHON_VERSION = "3.13.5";
/** SHA-256 of the release, Python-3.13.5.tar.xz, which is also Debian's python3.13_3.13.5.orig.tar.xz. */
const PYTHON_SHA256 = "93e583f243454e6e9e4588ca2c2662206ad961659863277afcdb96801647d640";
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const sources = fileURLToPath(new URL("sources/", import.meta.url));

/** Leaves CPython in `python/`. */
export async function fetchPython(work) {
  const { EXTRUNTIME_PYTHON_TARBALL } = process.env;
  const archive = EXTRUNTIME_PYTHON_TARBALL ?? (await download(work));
  const found = createHash("sha256").update(readFileSync(archive)).digest("hex");
  if (found !== PYTHON_SHA256)
    throw new StepFailed(
      `${archive} is not the source of CPython ${PYTHON_VERSION} that pywasm is built from: its SHA-256 is ${found}. ` +
        "Name the right one in EXTRUNTIME_PYTHON_TARBALL",
    );
  mkdirSync(join(work, "python"));
  await run(work, ["tar", "-xf", archive, "-C", "python", "--strip-components", "1"]);
}

/** Leaves the package of time zones in `tzdata/`. */
export async function fetchTimeZones(work, python) {
  const options = ["--quiet", "--no-deps", "--require-hashes", "--no-compile", "--root-user-action=ignore"];
  await run(work, [
    python,
    "-m",
    "pip",
    "install",
    ...options,
    "--target",
    "tzdata",
    "-r",
    join(sources, "requirements.txt"),
  ]);
}

/** By apt's own client with a source list of its own, so that nothing of the system changes. */
async function download(work) {
  const apt = join(work, "apt");
  for (const folder of ["lists/partial", "cache/archives/partial"]) mkdirSync(join(apt, folder), { recursive: true });
  const list = join(apt, "sources.list");
  writeFileSync(list, `deb-src [signed-by=${KEYRING}] ${debianMirror()} trixie main\n`);
  const settings = {
    "Dir::Etc::sourcelist": list,
    "Dir::Etc::sourceparts": "-",
    "Dir::State::lists": join(apt, "lists"),
    "Dir::Cache": join(apt, "cache"),
    "APT::Sandbox::User": "",
    "Acquire::Languages": "none",
  };
  const options = Object.entries(settings).map(([name, value]) => `-o${name}=${value}`);
  await run(work, ["apt-get", ...options, "-qq", "update"]);
  await run(apt, ["apt-get", ...options, "-qq", "--download-only", "source", "python3.13"]);
  const name = readdirSync(apt).find((file) => /\.orig\.tar\.xz$/.test(file));
  return join(apt, name ?? "python3.13.orig.tar.xz");
}

/** The mirror that the system is set up with. */
function debianMirror() {
  const { EXTRUNTIME_DEBIAN_MIRROR } = process.env;
  if (EXTRUNTIME_DEBIAN_MIRROR) return EXTRUNTIME_DEBIAN_MIRROR;
  const codename = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  const targets = output("apt-get", ["indextargets", "--format", "$(REPO_URI) $(RELEASE)"]) ?? "";
  const mirror = targets.split("\n").find((line) => line.endsWith(` ${codename}`));
  if (mirror === undefined) throw new StepFailed("no Debian mirror is configured here: set EXTRUNTIME_DEBIAN_MIRROR");
  return mirror.split(" ")[0];
}

/** Leaves the crates in `crates/`, whose names say what they bundle. */
export async function fetchLibraries(work) {
  cpSync(sources, join(work, "cargo"), { recursive: true });
  await run(join(work, "cargo"), [workingCargo(), "vendor", "--quiet", "--locked", "../crates"]);
}

import { ENGINE_VERSION, type Engine, ExtensionError, PYTHON_SECTION } from "extruntime/engine";

export const UNAVAILABLE =
  "this build has no Python: @extruntime/pyvm-stub stands in for it. " +
  "Install the real engine with `npm install @extruntime/pyvm`, and a CPython 3.11 or later with its shared library " +
  "(Debian and Ubuntu: apt-get install libpython3-dev; Fedora: dnf install python3-libs; macOS: brew install python)";

export function makeStubEngine(): Engine {
  return stubEngine;
}

/** What the real engine promises inline, so that a host can decide by capabilities before it installs it. */
export const stubEngine: Engine = {
  engineVersion: ENGINE_VERSION,
  name: "pyvm",
  aliases: [],
  capabilities: {
    languages: ["python"],
    hardSandbox: false,
    nativeAddon: true,
    deadline: "interpreted",
    signal: "interpreted",
    crashIsolation: false,
    memoryLimit: false,
    parallel: true,
    sync: true,
    hostFunctions: true,
    freshCalls: false,
  },
  manifestSection: PYTHON_SECTION,
  pool: { env: "BASE_PYVM_POOL_SIZE", size: 4 },
  origin: { module: import.meta.url, export: "makeStubEngine" },
  unavailable: UNAVAILABLE,
  compile() {
    throw new ExtensionError("ERR_EXT_UNSUPPORTED", UNAVAILABLE);
  },
};

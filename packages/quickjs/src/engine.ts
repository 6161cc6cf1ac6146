import { ENGINE_VERSION, type Engine } from "extruntime/engine";
import { compileBuild, type QuickJSBuild, RELEASE } from "./build.ts";
import { readSources } from "./guest-javascript/index.ts";
import { HeapLimit } from "./heap-limit.ts";
import { type Homes, type MemorySource, PlainHomes } from "./home.ts";
import { LinearMemory } from "./linear-memory.ts";
import { MachineSet } from "./machines/machine-set.ts";
import { QuickJSProgram } from "./program.ts";
import type { WasmModule } from "./webassembly.ts";

export interface QuickJSEngineOptions {
  /**
   * `"own"`, the default: each module has a WebAssembly memory of its own while it has instances, and where it has a
   * memory limit each instance has. A memory takes 16 MiB of address space at the least, about 1 MB of it in use.
   * `"shared"`: one memory for all modules of the runtime. It loads faster and is smaller, but a fault in QuickJS that
   * lets a guest write where it should not would reach the guests of other modules, and there is nothing to limit the
   * memory of one guest with: `capabilities.hardSandbox` and `capabilities.memoryLimit` are then `false`.
   */
  memory?: "own" | "shared" | undefined;
  /**
   * Kibibytes of stack that a guest may use, 128 by default (about 700 nested calls). The host's own stack must hold
   * some seven times as much, so a larger one wants `node --stack-size`, or a worker with a larger `resourceLimits.stackSizeMb`.
   */
  stackKb?: number | undefined;
  /**
   * Mebibytes that the instances of a module may use together where nobody sets `limits.memoryMb`, which is for each. 256 by default. Without
   * effect where the memory is shared.
   */
  defaultMemoryMb?: number | undefined;
}

const DEFAULT_MEMORY_MB = 256;
/** What a build can have at the most. */
const MAX_MEMORY_MB = 2048;
const MIB = 2 ** 20;
const DEFAULT_STACK_KB = 128;
/** Less does not hold the dispatcher and a guest. */
const MIN_STACK_KB = 32;
/** The build's own stack has 5 MiB. */
const MAX_STACK_KB = 4096;

/**
 * JavaScript in QuickJS, compiled to WebAssembly, on the thread that calls it.
 *
 * @throws TypeError for options that are not as they must be.
 */
export function quickjsEngine(options: QuickJSEngineOptions = {}, build: QuickJSBuild = RELEASE): Engine {
  const { memory = "own", stackKb = DEFAULT_STACK_KB, defaultMemoryMb = DEFAULT_MEMORY_MB } = options;
  if (memory !== "own" && memory !== "shared")
    throw new TypeError(`memory must be "own" or "shared", and is ${JSON.stringify(memory)}`);
  if (!Number.isInteger(stackKb) || stackKb < MIN_STACK_KB || stackKb > MAX_STACK_KB)
    throw new TypeError(
      `stackKb must be an integer from ${MIN_STACK_KB} to ${MAX_STACK_KB}, and is ${String(stackKb)}`,
    );
  if (!(typeof defaultMemoryMb === "number" && defaultMemoryMb >= 1 && defaultMemoryMb <= MAX_MEMORY_MB))
    throw new TypeError(
      `defaultMemoryMb must be a number from 1 to ${MAX_MEMORY_MB}, and is ${String(defaultMemoryMb)}`,
    );
  // The end of one guest within a builtin would be the end of all in its memory. Builds to debug with have no ticks.
  const stopsBuiltins = memory === "own" && build === RELEASE;
  const stackBytes = stackKb * 1024;
  let homes: Homes | undefined;
  const makeHomes = (wasm: WasmModule): Homes => {
    const make = () => new LinearMemory(build, wasm, stopsBuiltins, stackBytes);
    if (memory === "shared") return new PlainHomes(oneMemory(make));
    return build === RELEASE ? new MachineSet(make) : new PlainHomes(manyMemories(make));
  };
  return {
    engineVersion: ENGINE_VERSION,
    name: "quickjs",
    aliases: ["goja"],
    capabilities: {
      languages: ["javascript"],
      hardSandbox: memory === "own",
      nativeAddon: false,
      // The interpreter stops by itself, and its builtins by ticks.
      deadline: stopsBuiltins ? "hard" : "interpreted",
      signal: false,
      crashIsolation: false,
      memoryLimit: memory === "own",
      parallel: false,
      sync: true,
      hostFunctions: true,
      freshCalls: stopsBuiltins,
    },
    manifestSection: { name: "quickjs", schema: {} },
    takesConfig: true,
    tellsCalls: true,
    bundle: { target: "es2023", node: false },
    pool: { env: "BASE_GOJAVM_POOL_SIZE", size: 8 },
    // A build that is handed over cannot be sent; the released one every worker has. Its code is WebAssembly, which ends with its thread.
    origin:
      build === RELEASE
        ? {
            module: import.meta.url,
            export: quickjsEngine.name,
            options: { memory, stackKb, defaultMemoryMb },
            threadAbort: "hard",
          }
        : undefined,
    async compile(extension, context) {
      const [wasm, sources] = await Promise.all([compileBuild(build), readSources(extension)]);
      homes ??= makeHomes(wasm);
      const { memoryBytes } = context;
      const heap = new HeapLimit(memoryBytes ?? defaultMemoryMb * MIB, memoryBytes !== undefined);
      return new QuickJSProgram(extension, sources, context, { homes, heap, stackBytes });
    },
    close() {
      homes?.close();
      homes = undefined;
    },
  };
}

/**
 * One memory at a time, made when it is needed and forgotten when it is dropped. One in which a guest is on the stack,
 * waiting for a function of the host's, does not do: QuickJS measures a guest's stack from where the guest was made.
 */
function oneMemory(make: () => LinearMemory): MemorySource {
  let current: LinearMemory | undefined;
  return {
    take() {
      if (current === undefined || current.dead || current.calledOut > 0) current = make();
      return current;
    },
    drop(memory) {
      if (memory === current) current = undefined;
    },
  };
}

/** A memory for each instance: its size is the only thing that limits what a guest allocates. */
function manyMemories(make: () => LinearMemory): MemorySource {
  return { take: make, drop() {} };
}

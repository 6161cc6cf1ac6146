import {
  badManifest,
  type Call,
  type CompileContext,
  DEFAULT_BOUNDS,
  ENGINE_VERSION,
  type Engine,
  type Extension,
  ExtensionError,
  guestError,
  type Instance,
  type Manifest,
  type Program,
} from "extruntime/engine";
import { type Abi, checkAbi, INITIALIZE, START } from "./abi/abi.ts";
import { CommandInstance } from "./guest/command-abi.ts";
import type { GuestOptions } from "./guest/guest.ts";
import { PointerInstance } from "./guest/pointer-abi.ts";
import { MalformedModule } from "./machine/module/binary-reader.ts";
import { watchGrowth } from "./machine/module/grow-watch.ts";
import { limitMemory, MAX_PAGES, MemoryRefusal, PAGE_BYTES } from "./machine/module/memory-limit.ts";
import { ModuleBuilds } from "./machine/module/module-builds.ts";
import { type CompiledModule, type Lease, ModuleCache } from "./machine/module/module-cache.ts";
import { type ModuleShape, readShape } from "./machine/module/module-shape.ts";
import { wasmApi } from "./machine/webassembly.ts";

export interface WasmEngineOptions {
  /** Mebibytes of linear memory that an instance may use where nobody sets `limits.memoryMb`. 256 by default. */
  defaultMemoryMb?: number | undefined;
  /**
   * Milliseconds that a guest may sleep in one call, in total, by WASI's `poll_oneoff`. 100 by default; a wait past it ends the
   * call with `ERR_EXT_UNSUPPORTED`, since the thread that calls sleeps with the guest.
   */
  maxSleepMs?: number | undefined;
}

const DEFAULT_MEMORY_MB = 256;
const DEFAULT_SLEEP_MS = 100;
const MIB = 2 ** 20;
const POOL_SIZE = 4;

/** WebAssembly on the engine that Node itself has. */
export function wasmEngine(options: WasmEngineOptions = {}): Engine {
  const defaultMemoryMb = atLeast(options.defaultMemoryMb ?? DEFAULT_MEMORY_MB, 1, "defaultMemoryMb");
  const maxSleepMs = atLeast(options.maxSleepMs ?? DEFAULT_SLEEP_MS, 0, "maxSleepMs");
  const cache = new ModuleCache();
  return {
    engineVersion: ENGINE_VERSION,
    name: "wasm",
    aliases: ["wazero"],
    capabilities: {
      languages: ["wasm"],
      hardSandbox: true,
      nativeAddon: false,
      // By ticks in its code. A signal cannot fire while the guest holds the thread.
      deadline: "hard",
      signal: false,
      // A trap is an exception and harms nobody; but were V8 itself to crash, it would take the host along.
      crashIsolation: false,
      memoryLimit: true,
      parallel: false,
      sync: true,
      hostFunctions: true,
      freshCalls: true,
    },
    manifestSection: { name: "wasm", schema: {} },
    pool: { env: "BASE_WASMVM_POOL_SIZE", size: POOL_SIZE },
    origin: {
      module: import.meta.url,
      export: wasmEngine.name,
      options: { defaultMemoryMb, maxSleepMs },
      threadAbort: "hard",
    },
    async compile(extension: Extension, context: CompileContext): Promise<Program> {
      const path = extension.manifest.module;
      if (path === undefined) throw badManifest(extension.location, '"module" is missing: the path of a .wasm file');
      const bytes = await extension.read(path);
      const shape = readModule(extension, bytes);
      const abi = checkAbi(shape, extension);
      const pages = Math.min(MAX_PAGES, Math.floor((context.memoryBytes ?? defaultMemoryMb * MIB) / PAGE_BYTES));
      try {
        const ticking = context.deadlines === true;
        const lease = await cache.lease(bytes, pages, () => compileModule(bytes, shape, pages, ticking));
        return new WasmProgram(lease, abi, extension, context, maxSleepMs);
      } catch (error) {
        throw refusal(extension, error);
      }
    },
  };
}

class WasmProgram implements Program {
  readonly #lease: Lease;
  readonly #abi: Abi;
  readonly #manifest: Manifest;
  readonly #guest: GuestOptions;
  readonly #isFresh: boolean;

  constructor(lease: Lease, abi: Abi, extension: Extension, context: CompileContext, maxSleepMs: number) {
    const { compiled } = lease;
    const { builds } = compiled;
    this.#lease = lease;
    this.#abi = abi;
    this.#manifest = extension.manifest;
    this.#isFresh = context.fresh === true;
    this.#guest = {
      compiled,
      link: (imports, ticking) => new wasmApi.Instance(ticking ? builds.ticking : builds.plain, imports),
      program: { ticks: context.deadlines === true, resets: context.fresh === true, image: undefined },
      log: (level, line) => context.log(level, line),
      maxSleepMs,
      host: context.host,
      bounds: context.bounds ?? DEFAULT_BOUNDS,
    };
  }

  instantiate({ deadline }: Call): Instance {
    const { name, exports } = this.#manifest;
    return this.#abi === "pointer"
      ? new PointerInstance(this.#guest, name, exports, deadline, this.#isFresh)
      : new CommandInstance(this.#guest, name);
  }

  close(): void {
    this.#lease.release();
  }
}

/** @throws MalformedModule, MemoryRefusal, `WebAssembly.CompileError` */
async function compileModule(
  bytes: Uint8Array,
  shape: ModuleShape,
  pages: number,
  ticking: boolean,
): Promise<CompiledModule> {
  const limited = limitMemory(bytes, shape, pages, watchGrowth(bytes, shape));
  return {
    builds: await ModuleBuilds.make(limited.bytes, [INITIALIZE, START], ticking),
    shape,
    maxPages: limited.maxPages,
  };
}

function readModule(extension: Extension, bytes: Uint8Array): ModuleShape {
  try {
    return readShape(bytes);
  } catch (error) {
    throw refusal(extension, error);
  }
}

/** Why a module cannot be loaded, in the contract's terms. */
function refusal(extension: Extension, error: unknown): unknown {
  const module = `${extension.location}: ${extension.manifest.module}`;
  if (error instanceof MalformedModule || error instanceof wasmApi.CompileError) {
    const message = `${module} is not a valid WebAssembly module: ${error.message.replace(/^WebAssembly\.compile\(\): /, "")}`;
    return guestError({ name: "CompileError", message, stack: "" }, error);
  }
  if (!(error instanceof MemoryRefusal)) return error;
  if (error.needs === undefined)
    return new ExtensionError("ERR_EXT_UNSUPPORTED", `${module} ${error.message}`, { cause: error });
  const remedy = `set limits.memoryMb to ${Math.ceil(error.needs / MIB)} or more`;
  return new ExtensionError("ERR_EXT_MEMORY", `${module} ${error.message}; ${remedy}`, { cause: error });
}

function atLeast(value: number, least: number, name: string): number {
  if (typeof value === "number" && value >= least && value < Number.POSITIVE_INFINITY) return value;
  throw new TypeError(`${name} must be a number of at least ${least}, and is ${String(value)}`);
}

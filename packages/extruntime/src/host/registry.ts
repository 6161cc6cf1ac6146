import type { Runtime } from "../contract/runtime.ts";
import type { RuntimeOptions } from "../runtime/runtime.ts";

/** What an engine package tells of itself when it is imported. */
export interface EngineRegistration {
  /** The runtime's name in manifests. */
  readonly name: string;
  /** The package's name. */
  readonly package: string;
  /** Its factory. */
  readonly create: (options?: RuntimeOptions) => Runtime;
  /** Rejects with the reason when the engine cannot run here. It is asked before `create`. */
  readonly probe?: (() => Promise<void>) | undefined;
  /** Set on a package that stands in for the real engine of that name. */
  readonly stub?: boolean | undefined;
}

/** On the global registry of symbols, since engine packages may see another copy of this package than the host. */
const REGISTRY = Symbol.for("extruntime.engines");

/** Makes an engine known to `discoverRuntimes`. Engine packages call it once, at their top level. A second registration of a package replaces the first. */
export function registerEngine(registration: EngineRegistration): void {
  registry().set(registration.package, registration);
}

/** The engines registered so far. */
export function registeredEngines(): EngineRegistration[] {
  return [...registry().values()];
}

function registry(): Map<string, EngineRegistration> {
  const holder = globalThis as { [REGISTRY]?: Map<string, EngineRegistration> };
  holder[REGISTRY] ??= new Map();
  return holder[REGISTRY];
}

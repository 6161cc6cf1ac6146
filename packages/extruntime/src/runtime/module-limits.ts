import {
  type AppliedLimits,
  type Keeper,
  keeperOf,
  type LimitSource,
  type LimitSources,
  limitText,
  unkeptLimit,
} from "../contract/applied-limits.ts";
import { type Bounds, resolveBounds } from "../contract/bounds.ts";
import type { Capabilities, LoadOptions } from "../contract/runtime.ts";
import { ExtensionError } from "../errors.ts";
import type { Limits, Placement } from "../manifest/manifest.ts";

/** Waiting calls per module where nobody says: room for ten thousand overlapping calls. */
const DEFAULT_QUEUE = 10_000;
/** Milliseconds for a top level where nobody says: a heavy one, in an engine that starts, on a slow machine. */
const LOAD_TIMEOUT_MS = 30_000;

/** Those who may set limits, the ones that go before the others last. */
export interface LimitLayers {
  readonly runtime: Limits | undefined;
  readonly manifest: Limits;
  readonly load: Pick<LoadOptions, "limits" | "limitSources" | "fresh">;
}

/** Where the module will run. */
export interface LimitPlace {
  readonly runtime: string;
  readonly placement: Placement;
  readonly capabilities: Capabilities;
  /** Instances where nobody says. */
  readonly poolSize: number;
  /** The nearest placement at which the capability holds, if there is one. */
  nearest(capability: Keeper): Placement | undefined;
}

/** The limits of one module, and who set each. */
export interface ModuleLimits {
  readonly limits: AppliedLimits;
  readonly bounds: Bounds;
  readonly sources: LimitSources;
}

/**
 * The host's limits before the manifest's before the runtime's.
 *
 * @throws ExtensionError `ERR_EXT_UNSUPPORTED` for one that the engine cannot keep there; `ERR_EXT_DENIED` where the manifest asks for a higher bound than
 * the host gives.
 */
export function moduleLimits({ runtime, manifest, load }: LimitLayers, place: LimitPlace): ModuleLimits {
  const asked: { -readonly [Name in keyof Limits]: Limits[Name] } = {
    ...defined(runtime),
    ...defined(manifest),
    ...defined(load.limits),
  };
  const sources: Record<string, LimitSource> = {};
  for (const [layer, source] of [
    [runtime, "runtime"],
    [manifest, "manifest"],
    [load.limits, "load"],
  ] as const)
    for (const name of Object.keys(defined(layer))) sources[name] = source;
  for (const name of Object.keys(defined(load.limits)) as (keyof Limits)[])
    sources[name] = load.limitSources?.[name] ?? "load";
  // Elsewhere each call gets an instance of its own.
  if (load.fresh === true && place.capabilities.freshCalls && asked.fresh === undefined) {
    asked.fresh = "call";
    sources.fresh = "load";
  }
  refuseUnkept(asked, sources, place);
  const bounds = resolveBounds(manifest, runtime ?? {}, load.limits ?? {});
  const limits = Object.freeze({
    ...bounds,
    timeoutMs: asked.timeoutMs,
    loadTimeoutMs: asked.loadTimeoutMs ?? (place.capabilities.deadline === false ? undefined : LOAD_TIMEOUT_MS),
    memoryMb: asked.memoryMb,
    maxInstances: asked.maxInstances ?? place.poolSize,
    maxQueue: asked.maxQueue ?? DEFAULT_QUEUE,
    fresh: asked.fresh,
  });
  return { limits, bounds, sources };
}

function refuseUnkept(limits: Limits, sources: LimitSources, place: LimitPlace): void {
  const name = unkeptLimit(limits, place.capabilities);
  if (name === undefined) return;
  const source = sources[name] ?? "default";
  const nearest = place.nearest(keeperOf(name));
  throw new ExtensionError(
    "ERR_EXT_UNSUPPORTED",
    `the ${place.runtime} runtime cannot keep ${limitText(name, limits[name]!, source)}, at placement ${place.placement} (its capabilities.${keeperOf(name)} is false${keeperOf(name) === "deadline" ? ", so it cannot stop a guest" : ""}): ${remedy(nearest, source)}`,
  );
}

function remedy(nearest: Placement | undefined, source: LimitSource): string {
  if (nearest === undefined) return "leave it out, or run the extension in an engine that can keep it";
  const there = `place the extension at ${JSON.stringify(nearest)}, where it is kept`;
  if (source !== "policy") return `leave it out, or ${there}`;
  return `set it by a rule of the policy, for extensions whose engine keeps it, or ${there}: policy.placement.remedy does so by itself`;
}

function defined(limits: Limits | undefined): Limits {
  return Object.fromEntries(Object.entries(limits ?? {}).filter(([, value]) => value !== undefined));
}

import type { Capabilities, Manifest, Placement, Runtime } from "extruntime";
import type { JsonText } from "./json-text.ts";
import type { Problem } from "./problem.ts";

const PLACEMENTS: readonly Placement[] = ["inline", "thread", "process"];

/** Limits that an engine keeps at some placements only, by the capability that says so. */
const NEEDS = {
  timeoutMs: "deadline",
  loadTimeoutMs: "deadline",
  memoryMb: "memoryLimit",
  fresh: "freshCalls",
} as const satisfies Record<string, keyof Capabilities>;

/** Where a runtime can hold an extension, and keep the limits that it asks for. */
export function placementsOf(runtime: Runtime, manifest: Manifest): Placement[] {
  return from(runtime, manifest).filter((placement) => unkept(runtime, manifest, placement)?.length === 0);
}

/** Limits that are kept, but not where the extension runs unless somebody says otherwise. */
export function limitWarnings(runtime: Runtime, manifest: Manifest, json: JsonText, file: string): Problem[] {
  const own = from(runtime, manifest)[0];
  const kept = placementsOf(runtime, manifest)[0];
  if (own === undefined || kept === undefined || kept === own) return [];
  return (unkept(runtime, manifest, own) ?? []).map((name) => ({
    severity: "warning" as const,
    code: "limits",
    message: `the ${runtime.name} runtime does not keep limits.${name} ${at(own)}, where it runs unless its host says otherwise: no such host loads it`,
    remedy: `Ask for "placement": ${JSON.stringify(kept)}, or leave the limit out`,
    file,
    ...json.rangeOf(["limits", name]),
  }));
}

function at(placement: Placement): string {
  return placement === "inline" ? "inline" : `in a ${placement}`;
}

/** From where it runs unless its host says otherwise. */
function from(runtime: Runtime, { placement = "inline" }: Manifest): readonly Placement[] {
  return PLACEMENTS.slice(Math.max(PLACEMENTS.indexOf(runtime.placement), PLACEMENTS.indexOf(placement)));
}

/** `undefined` where it cannot be placed there at all. */
function unkept(runtime: Runtime, { limits }: Manifest, placement: Placement): string[] | undefined {
  let capabilities: Capabilities;
  try {
    capabilities = runtime.capabilitiesAt(placement);
  } catch {
    return undefined;
  }
  return Object.entries(NEEDS).flatMap(([name, capability]) =>
    limits[name as keyof typeof NEEDS] !== undefined && !capabilities[capability] ? [name] : [],
  );
}

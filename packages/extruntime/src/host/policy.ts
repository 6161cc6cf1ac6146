import type { Capabilities, Runtime } from "../contract/runtime.ts";
import { ExtensionError } from "../errors.ts";
import type { Limits, Manifest, Placement } from "../manifest/manifest.ts";
import { isMoreIsolated, mostIsolated } from "../manifest/placement-order.ts";

/** What may load into a host. Everything that is given must hold. */
export interface Policy {
  /** Runtimes by their own names (not aliases); any other is refused. */
  runtimes?: readonly string[] | undefined;
  /**
   * Capabilities that the runtime must have, for example `{ hardSandbox: true }`. `deadline: "interpreted"` is met by
   * `"hard"` too; `languages` is met by a runtime that accepts one of those named.
   */
  require?: Partial<Capabilities> | undefined;
  /** Where extensions run, whatever they ask for. */
  placement?: PlacementPolicy | undefined;
  /** The most that an extension may ask for. One that asks for more is refused; one that does not say gets this. */
  limits?: Limits | undefined;
  /** Has the last word: `false`, or a text that says why, refuses. */
  allow?:
    | ((manifest: Manifest, capabilities: Capabilities) => boolean | string | Promise<boolean | string>)
    | undefined;
}

/** A manifest asks for a placement; this moves it farther away, or refuses it. */
export interface PlacementPolicy {
  /** The nearest placement for any extension. */
  atLeast?: Placement | undefined;
  /** The nearest one for those in engines without a hard sandbox: `"process"`, say, where strangers write for them. */
  withoutHardSandbox?: Placement | undefined;
  /** The most isolated placement that a manifest may ask for; one that asks for more is refused. */
  atMost?: Placement | undefined;
}

/** What the host decided for an extension. */
export interface Admission {
  readonly limits: Limits;
  readonly placement: Placement;
}

/**
 * Decides whether an extension may load.
 *
 * @returns the limits that the host sets for it, and where it runs.
 * @throws TypeError for a placement policy that contradicts itself; ExtensionError `ERR_EXT_DENIED` that says which rule refused it.
 */
export async function applyPolicy(
  policy: Policy,
  manifest: Manifest,
  runtime: Pick<Runtime, "name" | "placement" | "capabilities" | "capabilitiesAt">,
): Promise<Admission> {
  const { runtimes, require = {}, allow } = policy;
  if (runtimes !== undefined && !runtimes.includes(runtime.name))
    throw denied(`the host allows the runtimes ${runtimes.join(", ") || "(none)"}, and this one is ${runtime.name}`);
  const placement = decidePlacement(policy.placement ?? {}, manifest, runtime);
  const capabilities = runtime.capabilitiesAt(placement);
  for (const [name, wanted] of Object.entries(require))
    if (wanted !== undefined && !meets(name, capabilities[name as keyof Capabilities], wanted))
      throw denied(
        `the host requires ${name} to be ${show(wanted)}, and it is ${show(capabilities[name as keyof Capabilities])} in the ${runtime.name} runtime, placement ${placement}`,
      );
  const limits = ceilings(policy.limits ?? {}, manifest);
  const answer = allow === undefined ? true : await allow(manifest, capabilities);
  if (answer !== true) throw denied(typeof answer === "string" ? answer : "the host's policy function refused it");
  return { limits, placement };
}

function decidePlacement(
  { atLeast, withoutHardSandbox, atMost }: PlacementPolicy,
  manifest: Manifest,
  runtime: Pick<Runtime, "placement" | "capabilities">,
): Placement {
  const asked = manifest.placement;
  if (atMost !== undefined && asked !== undefined && isMoreIsolated(asked, atMost))
    throw denied(`it asks for placement ${show(asked)}, and the host allows ${show(atMost)} at the most`);
  const decided = mostIsolated(
    runtime.placement,
    asked,
    atLeast,
    runtime.capabilities.hardSandbox ? undefined : withoutHardSandbox,
  );
  if (atMost !== undefined && isMoreIsolated(mostIsolated(atLeast, withoutHardSandbox), atMost))
    throw new TypeError(`policy.placement.atMost is ${show(atMost)}, nearer than what the policy asks for itself`);
  return decided;
}

const ABORT_RANK = { false: 0, interpreted: 1, hard: 2 } as const;

function meets(name: string, has: unknown, wanted: unknown): boolean {
  if (name === "deadline" || name === "signal") return rank(has) >= rank(wanted);
  if (Array.isArray(wanted)) return Array.isArray(has) && wanted.some((item) => has.includes(item));
  return has === wanted;
}

function rank(support: unknown): number {
  return ABORT_RANK[String(support) as keyof typeof ABORT_RANK] ?? 0;
}

function show(value: unknown): string {
  return JSON.stringify(value);
}

function ceilings(most: Limits, manifest: Manifest): Limits {
  const limits: Record<string, number> = {};
  for (const [key, ceiling] of Object.entries(most)) {
    if (ceiling === undefined) continue;
    const asked = manifest.limits[key as keyof Limits];
    if (asked !== undefined && asked > ceiling)
      throw denied(`it asks for limits.${key} of ${asked}, and the host allows ${ceiling} at the most`);
    limits[key] = asked ?? ceiling;
  }
  return limits;
}

/** What a load failed with, for who goes on with other loads: what a policy function threw is told like a refusal. */
export function asRefusal(error: unknown): ExtensionError {
  if (ExtensionError.is(error)) return error;
  return new ExtensionError("ERR_EXT_DENIED", `the host's policy failed: ${String(error)}`, { cause: error });
}

function denied(why: string): ExtensionError {
  return new ExtensionError("ERR_EXT_DENIED", why);
}

import type { Runtime } from "../contract/runtime.ts";
import { ExtensionError } from "../errors.ts";
import { PLACEMENTS } from "../manifest/definition.ts";
import type { Manifest, Placement } from "../manifest/manifest.ts";
import { isMoreIsolated, mostIsolated } from "../manifest/placement-order.ts";

/** A manifest asks for a placement; this moves it farther away, or refuses it. */
export interface PlacementPolicy {
  /** The nearest placement for any extension. */
  atLeast?: Placement | undefined;
  /** The nearest one for those in engines without a hard sandbox: `"process"`, say, where strangers write for them. */
  withoutHardSandbox?: Placement | undefined;
  /** The most isolated placement that a manifest may ask for; one that asks for more is refused. */
  atMost?: Placement | undefined;
  /**
   * The most isolated placement to which an extension is moved where its engine cannot keep, nearer, a limit or what the policy requires. It is moved as far as
   * it must be. Without it such an extension is refused.
   */
  remedy?: Placement | undefined;
}

const NAMES = ["atLeast", "withoutHardSandbox", "atMost", "remedy"] as const;

/** @throws TypeError for one that contradicts itself; ExtensionError `ERR_EXT_DENIED` where a manifest asks for more than it allows. */
export function decidePlacement(
  policy: PlacementPolicy,
  manifest: Manifest,
  runtime: Pick<Runtime, "placement" | "capabilities">,
): Placement {
  const { atLeast, withoutHardSandbox, atMost } = policy;
  const asked = manifest.placement;
  if (atMost !== undefined && asked !== undefined && isMoreIsolated(asked, atMost))
    throw new ExtensionError(
      "ERR_EXT_DENIED",
      `it asks for placement ${JSON.stringify(asked)}, and the host allows ${JSON.stringify(atMost)} at the most`,
    );
  checkContradictions(policy, "policy.placement");
  return mostIsolated(
    runtime.placement,
    asked,
    atLeast,
    runtime.capabilities.hardSandbox ? undefined : withoutHardSandbox,
  );
}

/** A placement and those past it, up to `most`. */
export function placementsUpTo(from: Placement, most: Placement | undefined): readonly Placement[] {
  const farther = PLACEMENTS.filter((each) => isMoreIsolated(each, from));
  return [from, ...farther.filter((each) => most !== undefined && !isMoreIsolated(each, most))];
}

/** @throws TypeError for what is no placement policy, or contradicts itself. */
export function checkPlacementPolicy(policy: PlacementPolicy, where: string): void {
  for (const [name, value] of Object.entries(policy)) {
    if (!(NAMES as readonly string[]).includes(name))
      throw new TypeError(`${where}.${name} is not known; known are ${NAMES.join(", ")}`);
    if (value !== undefined && !PLACEMENTS.includes(value as Placement))
      throw new TypeError(
        `${where}.${name} must be one of ${PLACEMENTS.join(", ")}, and is ${JSON.stringify(value) ?? String(value)}`,
      );
  }
  checkContradictions(policy, where);
}

function checkContradictions({ atLeast, withoutHardSandbox, atMost, remedy }: PlacementPolicy, where: string): void {
  if (atMost === undefined || !isMoreIsolated(mostIsolated(atLeast, withoutHardSandbox, remedy), atMost)) return;
  throw new TypeError(`${where}.atMost is ${JSON.stringify(atMost)}, nearer than what the policy asks for itself`);
}

import { type LimitSource, unkeptLimit } from "../contract/applied-limits.ts";
import type { Capabilities, Runtime } from "../contract/runtime.ts";
import { ExtensionError } from "../errors.ts";
import type { Limits, Manifest, Placement } from "../manifest/manifest.ts";
import { decidePlacement, type PlacementPolicy, placementsUpTo } from "./policy-placement.ts";
import { type PolicyRule, ruleApplies } from "./policy-rules.ts";

/** What a policy asks of extensions, of all or, in a rule, of some. */
export interface PolicyTerms {
  /**
   * Capabilities that the runtime must have, for example `{ hardSandbox: true }`. `deadline: "interpreted"` is met by
   * `"hard"` too; `languages` is met by a runtime that accepts one of those named.
   */
  require?: Partial<Capabilities> | undefined;
  /** Where extensions run, whatever they ask for. */
  placement?: PlacementPolicy | undefined;
  /** The most that an extension may ask for. One that asks for more is refused; one that does not say gets this. */
  limits?: Limits | undefined;
}

/** What may load into a host. Everything that is given must hold. */
export interface Policy extends PolicyTerms {
  /** Runtimes by their own names (not aliases); any other is refused. */
  runtimes?: readonly string[] | undefined;
  /**
   * Terms for some extensions, by their engine's capabilities, language or name. A rule sees what the engine promises at the placement that the policy and
   * the rules before it decided. What it requires is required besides, a limit or a placement of its own goes before that of the policy and of earlier rules.
   */
  rules?: readonly PolicyRule[] | undefined;
  /** Has the last word: `false`, or a text that says why, refuses. */
  allow?:
    | ((manifest: Manifest, capabilities: Capabilities) => boolean | string | Promise<boolean | string>)
    | undefined;
}

/** What the host decided for an extension. */
export interface Admission {
  readonly limits: Limits;
  /** Of each limit, whether the policy or the manifest set it. */
  readonly limitSources: Readonly<Partial<Record<keyof Limits, LimitSource>>>;
  readonly placement: Placement;
}

/** A runtime, as a policy looks at it. */
export type JudgedRuntime = Pick<Runtime, "name" | "placement" | "capabilities" | "capabilitiesAt">;

/**
 * Decides whether an extension may load.
 *
 * @returns the limits that the host sets for it, and where it runs.
 * @throws TypeError for a placement policy that contradicts itself; ExtensionError `ERR_EXT_DENIED` that says which rule refused it.
 */
export async function applyPolicy(policy: Policy, manifest: Manifest, runtime: JudgedRuntime): Promise<Admission> {
  const { runtimes, allow } = policy;
  if (runtimes !== undefined && !runtimes.includes(runtime.name))
    throw denied(`the host allows the runtimes ${runtimes.join(", ") || "(none)"}, and this one is ${runtime.name}`);
  const terms = termsFor(policy, manifest, runtime);
  const admitted = ceilings(terms.limits, manifest);
  const placement = placed(terms, admitted.limits, manifest, runtime);
  const capabilities = runtime.capabilitiesAt(placement);
  const missing = firstUnmet(terms.required, capabilities);
  if (missing !== undefined)
    throw denied(
      `the host requires ${missing.name} to be ${show(missing.wanted)}, and it is ${show(capabilities[missing.name])} in the ${runtime.name} runtime, placement ${placement}${beyond(terms.placement, placement)}`,
    );
  const answer = allow === undefined ? true : await allow(manifest, capabilities);
  if (answer !== true) throw denied(typeof answer === "string" ? answer : "the host's policy function refused it");
  return { ...admitted, placement };
}

/** What a load failed with, for who goes on with other loads: what a policy function threw is told like a refusal. */
export function asRefusal(error: unknown): ExtensionError {
  if (ExtensionError.is(error)) return error;
  return new ExtensionError("ERR_EXT_DENIED", `the host's policy failed: ${String(error)}`, { cause: error });
}

/** What holds for one extension: the policy's own terms and those of the rules that apply to it. */
interface JoinedTerms {
  readonly required: readonly Partial<Capabilities>[];
  readonly placement: PlacementPolicy;
  readonly limits: ReadonlyMap<string, Ceiling>;
}

interface Ceiling {
  readonly value: number | string;
  /** Where in the policy it is. */
  readonly where: string;
}

function termsFor(policy: Policy, manifest: Manifest, runtime: JudgedRuntime): JoinedTerms {
  const required: Partial<Capabilities>[] = [];
  const limits = new Map<string, Ceiling>();
  let placement: PlacementPolicy = {};
  const add = (terms: PolicyTerms, where: string) => {
    if (terms.require !== undefined) required.push(terms.require);
    placement = { ...placement, ...defined(terms.placement) };
    for (const [name, value] of Object.entries(defined(terms.limits))) limits.set(name, { value, where });
  };
  add(policy, "policy");
  for (const [index, rule] of (policy.rules ?? []).entries()) {
    const here = decidePlacement(placement, manifest, runtime);
    // Where it cannot be placed there, the remedy may still place it elsewhere.
    const promised = capabilitiesOrNone(runtime, here) ?? runtime.capabilities;
    if (ruleApplies(rule.when, runtime.name, promised, here)) add(rule, `policy.rules[${index}]`);
  }
  return { required, placement, limits };
}

/** Where it runs: as the terms say, or, where its engine cannot keep them there and they allow that, the nearest place where it can. */
function placed(terms: JoinedTerms, limits: Limits, manifest: Manifest, runtime: JudgedRuntime): Placement {
  const decided = decidePlacement(terms.placement, manifest, runtime);
  const asked = { ...manifest.limits, ...limits };
  const holds = (placement: Placement) => {
    const capabilities = capabilitiesOrNone(runtime, placement);
    if (capabilities === undefined || unkeptLimit(asked, capabilities) !== undefined) return false;
    return firstUnmet(terms.required, capabilities) === undefined;
  };
  return placementsUpTo(decided, terms.placement.remedy).find(holds) ?? decided;
}

/** `undefined` where it cannot be placed there. */
function capabilitiesOrNone(runtime: JudgedRuntime, placement: Placement): Capabilities | undefined {
  try {
    return runtime.capabilitiesAt(placement);
  } catch (error) {
    if (ExtensionError.is(error)) return undefined;
    throw error;
  }
}

function firstUnmet(required: readonly Partial<Capabilities>[], has: Capabilities) {
  for (const require of required)
    for (const [key, wanted] of Object.entries(require)) {
      const name = key as keyof Capabilities;
      if (wanted !== undefined && !meets(name, has[name], wanted)) return { name, wanted };
    }
  return undefined;
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

function beyond({ remedy }: PlacementPolicy, decided: Placement): string {
  return placementsUpTo(decided, remedy).length === 1 ? "" : `, nor does it run so at another one up to ${remedy}`;
}

function show(value: unknown): string {
  return JSON.stringify(value);
}

function ceilings(most: JoinedTerms["limits"], manifest: Manifest): Omit<Admission, "placement"> {
  const limits: Record<string, number | string> = {};
  const limitSources: Record<string, LimitSource> = {};
  for (const [name, { value, where }] of most) {
    const asked = manifest.limits[name as keyof Limits];
    if (asked !== undefined && asked > value)
      throw denied(
        `its manifest asks for limits.${name} of ${asked}, and the host allows ${value} at the most (${where}.limits): lower it in the manifest, or raise it there`,
      );
    limits[name] = asked ?? value;
    limitSources[name] = asked === undefined ? "policy" : "manifest";
  }
  return { limits, limitSources };
}

function defined<T extends object>(terms: T | undefined): T {
  return Object.fromEntries(Object.entries(terms ?? {}).filter(([, value]) => value !== undefined)) as T;
}

export function denied(why: string): ExtensionError {
  return new ExtensionError("ERR_EXT_DENIED", why);
}
